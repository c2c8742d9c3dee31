"""Which tracks of a catalogue are sampled in a track, and where.

Every sounding segment of the query votes for its nearest segments of the whole catalogue, with 1
for the nearest, 1/2 for the second, and so on. ``passages`` finds where the votes line up; a
track's score is that of its best passage.

``chance`` judges whether a score means anything, by what the catalogue's own tracks find in each
other. That is an estimate from noise. How probable it is that an answer is right is told by
``probability``, if the weights were calibrated where the truth is known.
"""

from __future__ import annotations

import sys
from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path

import faiss
import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from neuralsampleid.audio.ffmpeg import read_any_audio
from neuralsampleid.files import sha256_of
from neuralsampleid.models.encoder import SegmentEncoder
from neuralsampleid.retrieval.chance import ASKED, FEWEST, Chance, excesses
from neuralsampleid.retrieval.collection import Collection
from neuralsampleid.retrieval.fingerprint import fingerprint_track
from neuralsampleid.retrieval.index import faiss_threads
from neuralsampleid.retrieval.passages import (
    Matches,
    best_scores,
    passages_of_track,
)
from neuralsampleid.retrieval.probability import DEFAULT_PROBABILITY, Calibration
from neuralsampleid.retrieval.ranges import Range, TrackSegments, range_of

CANDIDATES = 20  # per query segment
UNCALIBRATED_FALSE_ALARMS = 0.1  # up to which there are answers where nothing else is known
_BLOCK_BYTES = 1 << 26  # of fingerprints, searched at once

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Answer:
    """A reference and where it sounds."""

    paths: list[str]  # the files that hold it, relative to the collection's folder
    score: float  # of its best passage: votes less cost
    probability: float | None  # that it is right; None: the weights are not calibrated
    false_alarms: float | None  # unrelated tracks that stand out as much; None: too few to tell
    ranges: list[Range]  # in the order of the query's time
    seconds: float  # length of the reference


def judgement(answer: Answer) -> str:
    """How much an answer is to be believed, in words."""
    if answer.probability is not None:
        return f"{100 * answer.probability:.0f} % likely"
    if answer.false_alarms is None:
        return "too few tracks to judge"
    return f"{answer.false_alarms:.2g} expected by chance"


@dataclass(frozen=True)
class Thresholds:
    """What is an answer.

    Attributes:
        probability: the smallest; not applied where the weights are not calibrated.
        false_alarms: the largest number of unrelated tracks expected to stand out as much; not
            applied where chance was not measured. None: only without calibration, 0.1.
        score: the smallest.
        best: so many tracks are answers whatever the others say, if anything of them lines up.
    """

    probability: float = DEFAULT_PROBABILITY
    false_alarms: float | None = None
    score: float = 0.0
    best: int = 0

    def let_pass(self, probability: float | None, false_alarms: float | None) -> bool:
        """Whether an answer of which this is said is given."""
        most = self.false_alarms
        if most is None:
            most = UNCALIBRATED_FALSE_ALARMS if probability is None else float("inf")
        likely = probability is None or probability >= self.probability
        return likely and (false_alarms is None or false_alarms <= most)


DEFAULT = Thresholds()


def identify_file(
    path: Path,
    encoder: SegmentEncoder,
    collection: Collection,
    *,
    threads: int,
    thresholds: Thresholds = DEFAULT,
) -> list[Answer]:
    """The answers for one file; the file itself, if the catalogue holds it, is none.

    Raises:
        UserError: the file is missing or cannot be decoded.
    """
    own = sha256_of(path)
    return identify(
        segments_of_file(path, encoder),
        collection,
        thresholds=thresholds,
        without={collection.sha256.index(own)} if own in collection.sha256 else set(),
        threads=threads,
    )


def segments_of_file(path: Path, encoder: SegmentEncoder) -> TrackSegments:
    """A file as a query.

    Raises:
        UserError: the file is missing or cannot be decoded.
    """
    rate = encoder.front_end.sample_rate
    audio = read_any_audio(path, rate)
    track = fingerprint_track(encoder, audio)
    sounding = np.flatnonzero(~track.silent)
    return TrackSegments(
        sounding, track.starts_s[sounding], track.embeddings[sounding], len(audio) / rate
    )


def identify(
    query: TrackSegments,
    collection: Collection,
    *,
    thresholds: Thresholds = DEFAULT,
    without: Set[int] = frozenset(),
    threads: int = 1,
) -> list[Answer]:
    """The references of a catalogue that sound in a track, best first; none is an answer, too.

    Args:
        query: the track's segments.
        collection: the catalogue.
        thresholds: what is an answer.
        without: numbers of tracks that are none, for one because it is the query itself.
        threads: of the search.
    """
    matches, hop = find_matches(query, collection, without, threads), _hop(collection)
    scores, excess = _judged(matches, collection, without)
    measured = collection.about.get("chance")
    chance = Chance.from_json(measured) if measured else None
    fitted = collection.about.get("calibration")
    calibration = Calibration.from_json(fitted) if fitted else None
    tracks = max(len(collection.sha256) - len(without), 1)
    probable = calibration.probabilities(scores, excess, tracks) if calibration else None
    segment = float(collection.about["segment_s"])
    found = np.flatnonzero(scores > 0)
    answers: list[Answer] = []
    for track in found[np.argsort(-scores[found], kind="stable")].tolist():
        expected = chance.false_alarms(excess[track]) if chance else None
        likely = None if probable is None else float(probable[track])
        passes = scores[track] >= thresholds.score and thresholds.let_pass(likely, expected)
        if not passes and len(answers) >= thresholds.best:
            break  # those that follow stand out less
        own = matches.where(matches.track == track)
        score = float(scores[track])
        # Each part reaches the least score, unless the track is shown for all that.
        least = thresholds.score if score >= thresholds.score else 0.0
        passages = passages_of_track(own, hop, max(least, score / 2))
        length = float(collection.seconds[track])
        ranges = [range_of(passage, query, segment, length) for passage in passages]
        ranges.sort(key=lambda part: part.query_start_s)
        answers.append(Answer(collection.paths[track], score, likely, expected, ranges, length))
    return answers


def measure_chance(collection: Collection, threads: int) -> Chance | None:
    """What the catalogue's tracks find in each other; None if they are too few."""
    if len(collection.sha256) < FEWEST:
        return None
    # Hashes are as good as random, and the choice stays where tracks come and go.
    asked = np.argsort(collection.sha256)[:ASKED].tolist()
    measured = []
    for track in tqdm(asked, "measure chance", unit="track", disable=None, file=sys.stderr):
        _, excess = judged_tracks(_segments_of(collection, track), collection, {track}, threads)
        measured.append(np.delete(excess, track))
    return Chance.of(measured)


def judged_tracks(
    query: TrackSegments, collection: Collection, without: Set[int], threads: int
) -> tuple[Floats, Floats]:
    """Every track's score and excess, (tracks,) each; 0 for those that are left out."""
    return _judged(find_matches(query, collection, without, threads), collection, without)


def _judged(matches: Matches, collection: Collection, without: Set[int]) -> tuple[Floats, Floats]:
    tracks, hop = len(collection.sha256), _hop(collection)
    scores = best_scores(matches, tracks, hop)
    others = np.setdiff1d(np.arange(tracks), list(without))
    excess = np.zeros(tracks)
    if len(others):
        backwards = best_scores(matches.backwards(), tracks, hop)
        excess[others] = excesses(scores[others], backwards[others])
    return scores, excess


def _segments_of(collection: Collection, track: int) -> TrackSegments:
    """A track of the catalogue as a query."""
    first, count = int(collection.first_row[track]), int(collection.row_count[track])
    rows = np.array(collection.rows[first : first + count])
    starts = rows[:, 0].astype(float)
    numbers = np.rint(starts / _hop(collection)).astype(np.int64)
    return TrackSegments(numbers, starts, rows[:, 1:], float(collection.seconds[track]))


def _hop(collection: Collection) -> float:
    """Seconds between segments; also how far a match may lie from its line."""
    return float(collection.about["hop_s"])


def find_matches(
    query: TrackSegments, collection: Collection, without: Set[int], threads: int
) -> Matches:
    """The nearest segments of every query segment, with votes by rank.

    The catalogue is read once, block by block; memory does not grow with it.
    """
    best = np.full((len(query.numbers), CANDIDATES), -np.inf, np.float32)
    rows = np.full(best.shape, -1, np.int64)
    with faiss_threads(threads):
        for first, last in _spans(collection, without):
            block = np.ascontiguousarray(collection.rows[first:last, 1:], dtype=np.float32)
            count = min(CANDIDATES, len(block))
            similar, places = faiss.knn(
                np.ascontiguousarray(query.embeddings), block, count, faiss.METRIC_INNER_PRODUCT
            )
            best, rows = _merged(best, rows, similar, places + first)
    segment, rank = np.nonzero(rows >= 0)
    row = rows[segment, rank]
    middle = float(collection.about["segment_s"]) / 2
    return Matches(
        query=query.numbers[segment],
        track=_tracks_of(row, collection),
        query_s=query.starts_s[segment] + middle,
        reference_s=collection.rows[row, 0].astype(float) + middle,
        votes=1.0 / (rank + 1),
    )


def _merged(
    best: npt.NDArray[np.float32],
    rows: npt.NDArray[np.int64],
    similar: npt.NDArray[np.float32],
    places: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """The most similar of two lists per query segment; of equals the first in the catalogue."""
    both = np.concatenate([best, similar], axis=1)
    all_rows = np.concatenate([rows, places], axis=1)
    order = np.argsort(-both, axis=1, kind="stable")[:, :CANDIDATES]
    return np.take_along_axis(both, order, axis=1), np.take_along_axis(all_rows, order, axis=1)


def _spans(collection: Collection, without: Set[int]) -> list[tuple[int, int]]:
    """Ranges of rows that are in use, those of neighbouring tracks joined up to a block."""
    most = max(1, _BLOCK_BYTES // (4 * collection.rows.shape[1]))
    spans: list[tuple[int, int]] = []
    for track, (first, count) in enumerate(
        zip(collection.first_row.tolist(), collection.row_count.tolist(), strict=True)
    ):
        if track in without:
            continue
        if spans and spans[-1][1] == first and first + count - spans[-1][0] <= most:
            spans[-1] = (spans[-1][0], first + count)
        else:
            spans.append((first, first + count))
    return spans


def _tracks_of(rows: npt.NDArray[np.int64], collection: Collection) -> npt.NDArray[np.int64]:
    return np.searchsorted(collection.first_row, rows, side="right") - 1
