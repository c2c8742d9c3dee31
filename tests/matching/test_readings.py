"""Rankings and lines by readings of a query, on fingerprints that are placed by hand."""

import numpy as np
import pandas as pd
import pytest

from helpers.stores import segments
from neuralsampleid.catalogue.formats import MATCHES, QUERIES
from neuralsampleid.fingerprints.segments import Segments
from neuralsampleid.matching.readings import lines_by_readings, rank_by_readings
from neuralsampleid.models.reading_cnn import SEMITONES, TEMPI

SIZE, LENGTH = 64, 30
NAN = float("nan")


def unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


def track(name: str, rows: np.ndarray, hop: float = 1.0) -> Segments:
    return segments(name, rows, hop=hop)


class Music:
    """Five tracks; a query whose segments 4–9 are those from 11 on of r1, at one reading."""

    def __init__(self, tempo: float = 1.29, semitones: float = -4.0) -> None:
        rng = np.random.default_rng(3)
        names = ("n1", "n2", "r1", "r2", "r3")
        music = {name: unit(rng.normal(size=(LENGTH, SIZE))) for name in names}
        self.searched = Segments.join([track(name, rows) for name, rows in music.items()])
        self.readings = {}
        for one in TEMPI:
            embeddings = unit(rng.normal(size=(20, len(SEMITONES), SIZE)))
            if one == tempo:
                embeddings[4:10, SEMITONES.index(semitones)] = music["r1"][11:17]
                # In another reading, a shorter part of another track.
                embeddings[12:15, 0] = music["r2"][3:6]
            self.readings[one] = track("q", embeddings.reshape(20, -1), hop=1 / one)


def queries(*spans: tuple[float, float], excluded: str = "") -> pd.DataFrame:
    rows = [("segment", "q", *span, NAN, "", "r1|r2", "", excluded) for span in spans]
    return pd.DataFrame(rows, columns=list(QUERIES))


@pytest.fixture(scope="module")
def music() -> Music:
    return Music()


def test_the_track_with_the_best_line_comes_first(music):
    found = rank_by_readings(queries((0.0, 99.0)), music.readings, music.searched, ranks=9)
    assert list(found.columns) == list(MATCHES)
    assert found["reference_id"].tolist()[:2] == ["r1", "r2"]
    assert found["rank"].tolist() == list(range(1, len(found) + 1))
    assert (found["score"].diff().dropna() <= 0).all()
    first, seconds = found.iloc[0], float(music.searched.segment_s)
    assert (first["reference_start_s"], first["reference_end_s"]) == (11.0, 16.0 + seconds)
    assert first["matched_start_s"] == pytest.approx(4 / 1.29)
    assert first["matched_end_s"] == pytest.approx(9 / 1.29 + seconds)


def test_a_query_of_a_few_seconds_sees_these_alone(music):
    asked = queries((12 / 1.29, 15 / 1.29 + 2), (4 / 1.29, 7 / 1.29 + 2))
    found = rank_by_readings(asked, music.readings, music.searched, ranks=1)
    assert found["reference_id"].tolist() == ["r2", "r1"]


def test_a_track_that_is_excluded_is_not_ranked_and_changes_nothing_else(music):
    asked = queries((0.0, 99.0), excluded="r1")
    without = [name for name in music.searched.track_ids if name != "r1"]
    left = Segments.join([music.searched.track(name) for name in without])
    found, expected = (
        rank_by_readings(one, music.readings, searched, ranks=9)
        for one, searched in ((asked, music.searched), (queries((0.0, 99.0)), left))
    )
    assert found["reference_id"].tolist()[0] == "r2"
    pd.testing.assert_frame_equal(found, expected)


def test_ranks_end_where_asked(music):
    found = rank_by_readings(queries((0.0, 99.0)), music.readings, music.searched, ranks=2)
    assert len(found) == 2


@pytest.mark.parametrize("tempo", TEMPI)
@pytest.mark.parametrize("semitones", [-6.0, 0.0, 6.0])
def test_a_line_tells_where_and_at_which_tempo_and_pitch(tempo, semitones):
    music = Music(tempo, semitones)
    line = next(iter(lines_by_readings(music.readings, music.searched)("q")("r1")))
    hop, seconds = 1 / tempo, music.searched.segment_s
    assert (line.query_start_s, line.query_end_s) == pytest.approx((4 * hop, 9 * hop + seconds))
    assert (line.reference_start_s, line.reference_end_s) == (11.0, 16.0 + seconds)
    assert line.pitch_semitones == semitones
    assert line.tempo_ratio == pytest.approx((5 + seconds) / (5 * hop + seconds))


def test_a_loop_has_a_line_for_each_pass():
    music = Music(1.0, 0.0)
    own = music.readings[1.0]
    rows = own.embeddings.reshape(20, len(SEMITONES), -1).copy()
    rows[13:19] = rows[4:10]
    music.readings[1.0] = track("q", rows.reshape(20, -1))
    first, second, *others = lines_by_readings(music.readings, music.searched)("q")("r1")
    assert sorted([first.query_start_s, second.query_start_s]) == [4.0, 13.0]
    assert all(line.score < first.score / 2 for line in others)


def test_silent_segments_speak_for_nothing(music):
    of_r1 = {"r1": range(LENGTH)}
    parts = [
        segments(name, own.embeddings, hop=1.0, silent=of_r1.get(name, ()))
        for name, own in music.searched.each_track()
    ]
    found = rank_by_readings(queries((0.0, 99.0)), music.readings, Segments.join(parts), ranks=9)
    assert "r1" not in found["reference_id"].tolist()
