"""Segments: one class for a track, a store and all that is searched."""

from dataclasses import replace

import numpy as np
import pytest

from helpers import stores
from neuralsampleid.errors import UserError
from neuralsampleid.fingerprints.segments import JoinedRows, Segments


def segments(track_id: str, count: int, *, silent: tuple[int, ...] = ()) -> Segments:
    """One track, of which each row tells where it is from."""
    rows = np.stack([np.full(count, ord(track_id)), np.arange(count)], axis=1)
    nodes = np.full((count, 2, 3), ord(track_id), np.float16)
    return stores.segments(track_id, rows.astype(np.float32), silent=silent, nodes=nodes)


def joined() -> Segments:
    return Segments.join([segments("b", 3), segments("a", 4, silent=(1,)), segments("c", 2)])


def test_of_one_track():
    track = segments("a", 4, silent=(1,))
    assert len(track) == 4
    assert track.seconds.tolist() == [3.5]  # the end of the last segment
    assert track.numbers.tolist() == [0, 1, 2, 3]
    assert (track.segment_s, track.hop_s) == (2.0, 0.5)


def test_joined_segments_keep_what_they_were():
    whole = joined()
    assert whole.track_ids == ["b", "a", "c"]
    assert whole.tracks.tolist() == [0, 0, 0, 1, 1, 1, 1, 2, 2]
    assert whole.seconds.tolist() == [3.0, 3.5, 2.5]
    assert isinstance(whole.nodes, JoinedRows)
    for track_id, track in whole.each_track():
        alone = segments(track_id, len(track), silent=(1,) if track_id == "a" else ())
        for name, values in vars(alone).items():
            if name != "nodes":
                np.testing.assert_array_equal(getattr(track, name), values)
        np.testing.assert_array_equal(whole.nodes[whole.rows_of(track_id)], alone.nodes)


def test_a_part_without_node_matrices_leaves_the_whole_without():
    assert Segments.join([segments("a", 1), replace(segments("b", 1), nodes=None)]).nodes is None


def test_rows_of_tracks():
    whole = joined()
    assert whole.rows_of("a") == whole.rows_of(1) == slice(3, 7)
    assert whole.rows_of_tracks(["c", "b"]).tolist() == [0, 1, 2, 7, 8]
    assert whole.rows_of_tracks([]).tolist() == []


def test_an_unknown_track_is_named():
    for ask in (lambda s: s.rows_of("zebra"), lambda s: s.rows_of_tracks(["a", "zebra"])):
        with pytest.raises(UserError, match=r"no fingerprints of track 'zebra', .* 3 tracks"):
            ask(joined())


def test_sounding_segments_keep_their_numbers():
    whole = joined().sounding()
    assert whole.track("a").numbers.tolist() == [0, 2, 3]
    assert whole.track("a").starts_s.tolist() == [0.0, 1.0, 1.5]
    assert whole.seconds.tolist() == [3.0, 3.5, 2.5]
    assert whole.hop_s == 0.5


def test_a_track_may_have_no_segment_that_sounds():
    whole = Segments.join([segments("a", 2, silent=(0, 1)), segments("b", 2)]).sounding()
    assert whole.track_ids == ["a", "b"]
    assert len(whole.track("a")) == 0
    assert whole.rows_of("b") == slice(0, 2)


def test_the_hop_where_no_track_has_two_segments():
    assert Segments.join([segments("a", 1), segments("b", 1)]).hop_s == 2.0


def test_lengths_that_are_known_replace_the_segments_own():
    whole = joined().with_seconds({"a": 4.0, "b": float("nan")})
    assert whole.seconds.tolist() == [3.0, 4.0, 2.5]


def test_embeddings_on_the_disk_stay_there(tmp_path):
    np.save(tmp_path / "rows.npy", joined().embeddings)
    mapped = replace(joined(), embeddings=np.load(tmp_path / "rows.npy", mmap_mode="r"))
    assert isinstance(mapped.track("a").embeddings, np.memmap)


def test_arrays_that_disagree_are_refused():
    with pytest.raises(ValueError, match="rows"):
        replace(segments("a", 3), numbers=np.arange(2))
    with pytest.raises(ValueError, match="names"):
        replace(segments("a", 3), track_ids=["a", "b"])


def test_a_range_shorter_than_a_segment_has_the_nearest_one():
    track = segments("q", 5, silent=(3,))
    assert track.sounding_within("q", 0.0, 2.5).tolist() == [0, 1]
    assert track.sounding_within("q", 0.6, 1.8).tolist() == [0]
    assert track.sounding_within("q", 1.0, 4.0).tolist() == [2, 4]
