"""What fingerprints tell of lines, on fingerprints that are placed by hand."""

import numpy as np
import pandas as pd
import pytest

from helpers.stores import segments
from neuralsampleid.catalogue.formats import MATCHES
from neuralsampleid.config import EvidenceSystem
from neuralsampleid.fingerprints.segments import Segments
from neuralsampleid.line import Line
from neuralsampleid.matching.evidence import LineJudge, add_evidence, nats_of, pairs_along
from neuralsampleid.models.reading_cnn import SEMITONES, TEMPI

SIZE, LENGTH, TEMPO, PITCH = 64, 30, 1.29, -4.0
NAN = float("nan")
SETTINGS = EvidenceSystem(kind="evidence", name="e", systems=["encoder", "landmarks"])
# The query's segments 4–9 are those from 11 on of r1, read faster and lower.
RIGHT = Line(4 / TEMPO, 10 / TEMPO, 11.0, 17.0, TEMPO, 12.0, PITCH + 0.7)


def unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


def of_seconds(name: str, rows: np.ndarray, tempo: float = 1.0, silent: range = range(0)):
    """A track whose segments are read in a second each."""
    return segments(name, rows, hop=1 / tempo, length=1 / tempo, silent=silent)


@pytest.fixture(scope="module")
def searched() -> Segments:
    rng = np.random.default_rng(3)
    music = {name: unit(rng.normal(size=(LENGTH, SIZE))) for name in ("n1", "r1", "r2")}
    return Segments.join([of_seconds(name, rows) for name, rows in music.items()])


@pytest.fixture(scope="module")
def readings(searched) -> dict[float, Segments]:
    rng, made = np.random.default_rng(4), {}
    for one in TEMPI:
        embeddings = unit(rng.normal(size=(20, len(SEMITONES), SIZE)))
        if one == TEMPO:
            embeddings[4:10, SEMITONES.index(PITCH)] = searched.track("r1").embeddings[11:17]
        made[one] = of_seconds("q", embeddings.reshape(20, -1), one)
    return made


@pytest.fixture
def judge(searched, readings) -> LineJudge:
    return LineJudge("q", readings, searched, np.arange(len(searched)))


def line(**changes: float) -> Line:
    return Line(**{name: getattr(RIGHT, name) for name in RIGHT.__dataclass_fields__} | changes)


def test_segments_of_both_at_the_same_places():
    own, other = np.arange(20) + 0.6, np.arange(40) * 0.5
    pairs = pairs_along(Line(3.0, 7.0, 10.0, 16.0, 1.5, 9.0), own, other)
    assert pairs.own.tolist() == [3, 4, 5, 6]
    assert other[pairs.other].tolist() == [11.0, 12.5, 14.0, 15.5]  # 10.9, 12.4, …
    short = pairs_along(Line(3.95, 4.01, 8.0, 8.06, None, 9.0), own, other)
    assert (short.own.tolist(), other[short.other].tolist()) == ([3], [7.5])
    alone = pairs_along(Line(3.0, 5.0, 10.0, 12.0, 1.0, 9.0), own, np.array([1.0]))
    assert alone.other.tolist() == [0, 0]


def test_the_right_line_is_told_from_others(judge):
    right = judge.told(RIGHT, "r1")
    assert len(right) == 6
    assert right.min() > 5  # a similarity of 1 among such of 0 ± 1/8
    others = [
        judge.told(one, track)
        for one, track in (
            (RIGHT, "r2"),
            (line(pitch_semitones=2.0), "r1"),
            (line(reference_start_s=2.0, reference_end_s=8.0), "r1"),
            (line(query_end_s=4 / TEMPO + 6 / 0.775), "r1"),
        )
    ]
    assert max(float(told.mean()) for told in others) < 2


def test_one_hop_beside_is_as_good(judge):
    beside = line(reference_start_s=11.9, reference_end_s=17.9)
    assert judge.told(beside, "r1") == pytest.approx(judge.told(RIGHT, "r1"))


def test_a_line_beyond_the_track_and_a_silent_query(searched, readings, judge):
    assert len(judge.told(line(reference_start_s=90.0, reference_end_s=96.0), "r1")) == 6
    silent = {
        tempo: of_seconds("q", one.embeddings, tempo, silent=range(20))
        for tempo, one in readings.items()
    }
    assert not len(LineJudge("q", silent, searched, np.arange(90)).told(RIGHT, "r1"))


def test_an_encoder_that_reads_once(searched):
    own = searched.track("r1").embeddings[5:25]
    judge = LineJudge("q", {1.0: of_seconds("q", own)}, searched, np.arange(90))
    assert judge.told(Line(2.0, 6.0, 7.0, 11.0, 1.0, 9.0, 3.0), "r1").min() > 5


def test_lines_that_speak_against_a_track_add_nothing():
    lines = [np.array([3.8, 2.8]), np.array([0.0, 1.0]), np.zeros(0)]
    assert nats_of(lines, SETTINGS) == pytest.approx(2.0 * 3.0)


def test_tracks_are_ranked_by_both(searched, readings):
    rows = [
        ("full_track", "q", 0.0, 25.0, rank, name, score, 1.0, 2.0, 3.0, 4.0, NAN)
        for rank, (name, score) in enumerate([("r2", 14.0), ("r1", 12.0), ("n1", 5.0)], 1)
    ]
    rankings = pd.DataFrame(rows, columns=list(MATCHES))
    asked = []

    def lines_of(span, track_id):
        asked.append((*span, track_id))
        return [RIGHT]

    settings = SETTINGS.model_copy(update={"tracks": 2})
    found = add_evidence(rankings, lines_of, readings, searched, settings)
    assert found["reference_id"].tolist() == ["r1", "r2", "n1"]
    assert found["rank"].tolist() == [1, 2, 3]
    assert found["score"].iloc[0] > 12 + 2 * 6 * 3
    assert found["score"].tolist()[1:] == [14.0, 5.0]
    assert asked == [("q", 0.0, 25.0, "r2"), ("q", 0.0, 25.0, "r1")]
    assert add_evidence(rankings.iloc[:0], lines_of, readings, searched, settings).empty
