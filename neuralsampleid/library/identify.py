"""Which tracks of a catalogue are sampled in a track, and where.

A track's score is that of its best line, which ``segment_finder`` finds by an encoder's
fingerprints and ``landmark_finder`` by landmarks.

``chance`` judges whether a score means anything, by what the catalogue's own tracks find in each
other. That is an estimate from noise. How probable it is that an answer is right is told by
``probability``, if the weights were calibrated where the truth is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from neuralsampleid.files import sha256_of
from neuralsampleid.library.chance import ASKED, FEWEST, Chance
from neuralsampleid.library.finding import Finder, TrackSegments
from neuralsampleid.library.fingerprinters import (
    LANDMARKS,
    Fingerprinter,
    fingerprinter_of_catalogue,
)
from neuralsampleid.library.landmark_finder import LandmarkFinder
from neuralsampleid.library.probability import DEFAULT_PROBABILITY, Calibration
from neuralsampleid.library.segment_finder import SegmentFinder
from neuralsampleid.library.store import Collection, is_collection, open_collection
from neuralsampleid.line import Line, least_shown, shown
from neuralsampleid.progress import progress

UNCALIBRATED_FALSE_ALARMS = 0.1  # up to which there are answers where nothing else is known


@dataclass(frozen=True)
class Answer:
    """A reference and where it sounds."""

    paths: list[str]  # the files that hold it, relative to the collection's folder
    score: float  # of its best line: votes less cost
    probability: float | None  # that it is right; None: the weights are not calibrated
    false_alarms: float | None  # unrelated tracks that stand out as much; None: not measured
    ranges: list[Line]  # in the order of the query's time
    seconds: float  # length of the reference
    found_by: str = "fingerprints"  # or landmarks; the scores of the two do not compare


def judgement(answer: Answer) -> str:
    """What found an answer, and how much it is to be believed, in words."""
    return f"by {answer.found_by}, {_believed(answer)}"


def _believed(answer: Answer) -> str:
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

    def chosen(self, answers: Iterable[Answer]) -> list[Answer]:
        """Answers of several systems as one list, the likeliest first.

        Of a track that several name, the likeliest answer stays; of those that no threshold lets
        pass, as many as ``best`` has room for. Systems that are not calibrated come last.
        """
        by_track: dict[str, Answer] = {}
        for answer in sorted(answers, key=_improbability):
            by_track.setdefault(answer.paths[0], answer)
        kept: list[Answer] = []
        for answer in by_track.values():
            passes = answer.score >= self.score
            passes = passes and self.let_pass(answer.probability, answer.false_alarms)
            if passes or len(kept) < self.best:
                kept.append(answer)
        return kept


def _improbability(answer: Answer) -> float:
    return 1.0 if answer.probability is None else -answer.probability


DEFAULT = Thresholds()


@dataclass(frozen=True)
class System:
    """What fingerprints a query, and what finds it in a catalogue that was made alike."""

    fingerprinter: Fingerprinter
    finder: Finder


def systems_of(catalogue: Path, weights: str | None) -> list[System]:
    """All systems that a catalogue holds.

    Args:
        catalogue: that ``nsid index`` made.
        weights: where the weights of its encoder are now; None: where they were.

    Raises:
        UserError: it is no catalogue, or the weights are missing or others.
    """

    def system_of(folder: Path, name: str | None) -> System:
        collection = open_collection(folder)
        fingerprinter = fingerprinter_of_catalogue(folder, collection.about, name)
        return System(fingerprinter, finder_of(collection))

    systems = [system_of(catalogue, weights)]
    if is_collection(catalogue / LANDMARKS):
        systems.append(system_of(catalogue / LANDMARKS, None))
    return systems


def finder_of(collection: Collection) -> Finder:
    """The finder for what a catalogue holds."""
    if collection.about.get("architecture") == LANDMARKS:
        return LandmarkFinder(collection)
    return SegmentFinder(collection)


def identify_file(
    path: Path, systems: Sequence[System], *, threads: int, thresholds: Thresholds = DEFAULT
) -> list[Answer]:
    """The answers for one file; the file itself, if the catalogue holds it, is none.

    Raises:
        UserError: the file is missing or cannot be decoded.
    """
    sha256, answers = sha256_of(path), list[Answer]()
    for system in systems:
        known = system.finder.collection.sha256
        answers += identify(
            system.fingerprinter.of_file(path),
            system.finder,
            thresholds=thresholds,
            without={known.index(sha256)} if sha256 in known else set(),
            threads=threads,
        )
    return thresholds.chosen(answers) if len(systems) > 1 else answers


def identify(
    query: TrackSegments,
    finder: Finder,
    *,
    thresholds: Thresholds = DEFAULT,
    without: Set[int] = frozenset(),
    threads: int = 1,
) -> list[Answer]:
    """The references of a catalogue that sound in a track, best first; none is an answer, too.

    Args:
        query: the track's rows.
        finder: of the catalogue.
        thresholds: what is an answer.
        without: numbers of tracks that are none, for one because it is the query itself.
        threads: of the search.
    """
    collection, evidence = finder.collection, finder.find(query, without, threads)
    scores, excess = evidence.scores, evidence.excess
    measured = collection.about.get("chance")
    chance = Chance.from_json(measured) if measured else None
    fitted = collection.about.get("calibration")
    calibration = Calibration.from_json(fitted) if fitted else None
    tracks = max(len(collection.sha256) - len(without), 1)
    probable = calibration.probabilities(scores, excess, tracks) if calibration else None
    found = np.flatnonzero(scores > 0)
    answers: list[Answer] = []
    for track in found[np.argsort(-scores[found], kind="stable")].tolist():
        expected = chance.false_alarms(excess[track]) if chance else None
        likely = None if probable is None else float(probable[track])
        passes = scores[track] >= thresholds.score and thresholds.let_pass(likely, expected)
        if not passes and len(answers) >= thresholds.best:
            break  # those that follow stand out less
        score = float(scores[track])
        # Each part reaches the least score, unless the track is shown for all that.
        least = thresholds.score if score >= thresholds.score else 0.0
        lines = evidence.lines(track, least_shown(score, least))
        ranges = shown(lines, evidence.least_of_others)
        length = float(collection.seconds[track])
        answers.append(
            Answer(
                collection.paths[track],
                score,
                likely,
                expected,
                ranges,
                length,
                finder.found_by,
            )
        )
    return answers


def measure_chance(finder: Finder, threads: int) -> Chance | None:
    """What the catalogue's tracks find in each other; None if they are too few."""
    collection = finder.collection
    if len(collection.sha256) < FEWEST:
        return None
    # Hashes are as good as random, and the choice stays where tracks come and go.
    asked = np.argsort(collection.sha256)[:ASKED].tolist()
    measured = []
    for track in progress(asked, "measure chance"):
        evidence = finder.find(finder.track(track), {track}, threads)
        measured.append(np.delete(evidence.excess, track))
    return Chance.of(measured)
