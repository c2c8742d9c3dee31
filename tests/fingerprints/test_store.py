"""The fingerprint store: what is written comes back, and nothing half-written stays."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.stores import segments
from neuralsampleid.errors import UserError
from neuralsampleid.fingerprints.segments import Segments
from neuralsampleid.fingerprints.store import StoreWriter, open_stores, writing_store

META = {"encoder": "gnn", "weights_sha256": "0" * 64}


def append(writer: StoreWriter, track_id: str, rows: int, size: int = 3, nodes: bool = False):
    """One track of random fingerprints; returns what was appended."""
    random = np.random.default_rng(len(track_id) * 1000 + rows)
    embeddings = random.normal(size=(rows, size)).astype(np.float32)
    matrices = random.normal(size=(rows, 4, 2)).astype(np.float16) if nodes else None
    track = segments(track_id, embeddings, silent=[1], nodes=matrices)
    writer.append(track)
    return track


def small_store(folder: Path, nodes: bool = True) -> Segments:
    with writing_store(folder, META) as writer:
        append(writer, "b", 3, nodes=nodes)
        append(writer, "a", 2, nodes=nodes)
    return open_stores([folder])


@settings(max_examples=20)
@given(lengths=st.lists(st.integers(1, 30), min_size=1, max_size=12), nodes=st.booleans())
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, lengths: list[int], nodes: bool):
    folder = tmp_path_factory.mktemp("store") / "store"
    with writing_store(folder, META) as writer:
        written = [
            append(writer, f"track_{i}", rows, nodes=nodes) for i, rows in enumerate(lengths)
        ]
    store = open_stores([folder])
    assert store.track_ids == [f"track_{i}" for i in range(len(lengths))]
    assert isinstance(store.embeddings, np.memmap)
    assert (store.nodes is not None) == nodes
    for track in written:
        same(store, track)


def same(store: Segments, track: Segments):
    """A store gives back what was appended."""
    (track_id,) = track.track_ids
    for name, values in vars(store.track(track_id)).items():
        if name != "nodes":
            np.testing.assert_array_equal(values, getattr(track, name))
    if store.nodes is not None:
        np.testing.assert_array_equal(store.nodes[store.rows_of(track_id)], track.nodes)


def test_array_files_are_plain_npy(tmp_path: Path):
    small_store(tmp_path / "store")
    assert np.load(tmp_path / "store/embeddings.npy").shape == (5, 3)
    assert np.load(tmp_path / "store/nodes.npy").shape == (5, 4, 2)


def test_two_writings_are_the_same_bytes(tmp_path: Path):
    small_store(tmp_path / "first")
    small_store(tmp_path / "second")
    for file in sorted((tmp_path / "first").iterdir()):
        assert file.read_bytes() == (tmp_path / "second" / file.name).read_bytes()


def test_track_ids_that_look_like_numbers_or_nothing_stay_text(tmp_path: Path):
    with writing_store(tmp_path / "store", META) as writer:
        append(writer, "007", 1)
        append(writer, "NA", 2)
    assert open_stores([tmp_path / "store"]).track_ids == ["007", "NA"]


def shards(folder: Path, nodes: bool = True) -> list[Path]:
    """Three stores of one encoder."""
    paths = [folder / str(place) for place in range(3)]
    for path, tracks in zip(paths, (("b", "a"), ("c",), ("d", "e")), strict=True):
        with writing_store(path, META) as writer:
            for track in tracks:
                append(writer, track, 1 + ord(track) % 4, nodes=nodes)
    return paths


def test_stores_are_read_as_one(tmp_path: Path):
    paths = shards(tmp_path)
    whole = open_stores(paths)
    assert whole.track_ids == ["b", "a", "c", "d", "e"]
    for path in paths:
        part = open_stores([path])
        for track_id, track in part.each_track():
            same(whole, replace(track, nodes=part.nodes[part.rows_of(track_id)]))
    matrices = np.concatenate([np.load(path / "nodes.npy") for path in paths])
    rows = np.array([7, 0, 0, len(matrices) - 1, 3])
    np.testing.assert_array_equal(whole.nodes[rows], matrices[rows])
    np.testing.assert_array_equal(whole.nodes[2:5], matrices[2:5])


def test_stores_without_node_matrices_have_none_together(tmp_path: Path):
    assert open_stores(shards(tmp_path, nodes=False)).nodes is None


def test_stores_that_do_not_belong_together(tmp_path: Path):
    paths = shards(tmp_path)
    with pytest.raises(UserError, match=r"0: track 'a' stands in another store too"):
        open_stores([*paths, paths[0]])
    with writing_store(paths[1], {**META, "weights_sha256": "1" * 64}) as writer:
        append(writer, "c", 2, nodes=True)
    with pytest.raises(UserError, match=r"1: fingerprints by another encoder than those of .*0$"):
        open_stores(paths)


def test_what_a_killed_process_left_is_removed(tmp_path: Path):
    (tmp_path / ".store.abcdefgh").mkdir()
    small_store(tmp_path / "store")
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


def test_an_exception_leaves_nothing(tmp_path: Path):
    with pytest.raises(RuntimeError), writing_store(tmp_path / "store", META) as writer:
        append(writer, "a", 2)
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_an_exception_keeps_the_store_that_was_there(tmp_path: Path):
    small_store(tmp_path / "store")
    with pytest.raises(RuntimeError), writing_store(tmp_path / "store", META) as writer:
        append(writer, "other", 2)
        raise RuntimeError
    assert open_stores([tmp_path / "store"]).track_ids == ["b", "a"]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_fingerprints_that_are_not_finite_are_refused(tmp_path: Path, bad: float):
    with (
        pytest.raises(UserError, match=r"embeddings\.npy: track 'a' .* not finite"),
        writing_store(tmp_path / "store", META) as writer,
    ):
        writer.append(segments("a", np.array([[bad, 1.0]])))
    assert list(tmp_path.iterdir()) == []


def test_node_matrices_beyond_float16_are_refused(tmp_path: Path):
    with (
        pytest.raises(UserError, match=r"nodes\.npy: track 'a' .* float16"),
        writing_store(tmp_path / "store", META) as writer,
    ):
        writer.append(segments("a", np.ones((1, 2)), nodes=np.full((1, 2, 2), 1e6, np.float32)))


def test_misuse_of_the_writer_raises(tmp_path: Path):
    with writing_store(tmp_path / "store", META) as writer:
        append(writer, "a", 2)
        with pytest.raises(ValueError, match="twice"):
            append(writer, "a", 2)
        with pytest.raises(ValueError, match="some tracks only"):
            append(writer, "b", 2, nodes=True)
        with pytest.raises(ValueError, match="expected"):
            append(writer, "b", 2, size=4)
        with pytest.raises(ValueError, match="no segment"):
            append(writer, "b", 0)
    assert open_stores([tmp_path / "store"]).track_ids == ["a"]
    with pytest.raises(ValueError, match="without tracks"), writing_store(tmp_path / "e", META):
        pass


def table(change: Callable[[pd.DataFrame], object]) -> Callable[[Path], None]:
    """A damage to segments.csv."""

    def damage(folder: Path) -> None:
        segments = pd.read_csv(folder / "segments.csv")
        change(segments)
        segments.to_csv(folder / "segments.csv", index=False)

    return damage


def with_nan(folder: Path) -> None:
    embeddings = np.load(folder / "embeddings.npy")
    embeddings[1, 1] = np.nan
    np.save(folder / "embeddings.npy", embeddings)


DAMAGES: list[tuple[Callable[[Path], object], str]] = [
    (lambda folder: (folder / "embeddings.npy").unlink(), r"embeddings\.npy: no such file"),
    (lambda folder: (folder / "segments.csv").unlink(), r"segments\.csv: no such file"),
    (lambda folder: (folder / "meta.json").unlink(), r"meta\.json: no such file"),
    (lambda folder: (folder / "meta.json").write_text("{"), r"meta\.json: not JSON"),
    (lambda folder: (folder / "meta.json").write_text("[1]"), r"holds a list, expected what made"),
    (lambda folder: (folder / "embeddings.npy").write_bytes(b"x"), "not a NumPy array file"),
    (lambda folder: np.save(folder / "embeddings.npy", np.ones((5, 3))), "float64 of shape"),
    (
        lambda folder: np.save(folder / "nodes.npy", np.ones((4, 4, 2), np.float16)),
        r"nodes\.npy: 4 rows, expected the 5",
    ),
    (with_nan, "holds NaN"),
    (lambda folder: (folder / "segments.csv").write_text("row\n1\n"), "not a segment table"),
    (table(lambda t: t.__setitem__("row", [0, 1, 3, 2, 4])), "count up from 0"),
    (table(lambda t: t.__setitem__("track_id", list("babaa"))), "lie apart"),
    (table(lambda t: t.__setitem__("start_s", [0, 0, 1, 0, 1])), "line 3: segment starts"),
    (table(lambda t: t.__setitem__("end_s", [1, 2, 3, 0, 4])), "line 5: segment starts"),
]


@pytest.mark.parametrize(("damage", "message"), DAMAGES)
def test_a_damaged_store_is_one_clear_line(
    tmp_path: Path, damage: Callable[[Path], object], message: str
):
    small_store(tmp_path / "store")
    damage(tmp_path / "store")
    with pytest.raises(UserError, match=message) as caught:
        open_stores([tmp_path / "store"])
    assert "\n" not in str(caught.value)


def test_a_truncated_array_is_refused(tmp_path: Path):
    small_store(tmp_path / "store")
    path = tmp_path / "store/embeddings.npy"
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(UserError, match="not a NumPy array file"):
        open_stores([tmp_path / "store"])


def test_meta_is_json(tmp_path: Path):
    small_store(tmp_path / "store")
    assert json.loads((tmp_path / "store/meta.json").read_text()) == META
