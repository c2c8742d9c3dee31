"""Which tracks of a library are sampled in a track, and where.

A track's score is that of its best line, which ``finders`` finds by fingerprints and by landmarks.
Two measures say how far an answer is to be trusted: its probability, where the system was
calibrated on samples that are known (``probability``), and the number of false alarms that reach
its score, which is measured among the library's own tracks (``chance``). A long query is asked in
``windows``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from neuralsampleid.audio.tags import NO_TAGS
from neuralsampleid.errors import UserError
from neuralsampleid.files import sha256_of
from neuralsampleid.library.answer import Answer, QueryAnswers, is_same
from neuralsampleid.library.finders import Evidence, Finder, finders_of
from neuralsampleid.library.fingerprinter import Fingerprinter, of_library
from neuralsampleid.library.joining import open_libraries
from neuralsampleid.library.probability import DEFAULT_PROBABILITY
from neuralsampleid.library.store import Library, Track
from neuralsampleid.library.windows import (
    Explained,
    merged,
    unlikeliness,
    window_of,
    windows_of,
)
from neuralsampleid.line import shown
from neuralsampleid.progress import progress

SHORTEST_S = 0.5  # of a query: a landmark is up to 0.74 s long
UNCALIBRATED_FALSE_ALARMS = 0.1  # largest number of an answer without a probability


@dataclass(frozen=True)
class Candidate:
    """A track with a line, found by one system."""

    track: int  # its number in the library
    score: float
    probability: float | None
    false_alarms: float | None
    finder: Finder
    evidence: Evidence

    @property
    def place_s(self) -> tuple[float, float] | None:
        """Between which times of the query its best line lies, where that is known."""
        if self.evidence.places_s is None:
            return None
        start, end = self.evidence.places_s[self.track].tolist()
        return start, end


_Judged = TypeVar("_Judged", Candidate, Answer)


@dataclass(frozen=True)
class Thresholds:
    """Which candidates become answers.

    Attributes:
        probability: the least; not applied to a system that is not calibrated.
        false_alarms: the largest number of unrelated tracks expected to stand out as much; not
            applied where chance was not measured. None: no limit, without calibration 0.1.
        score: the least.
        best: this many candidates become answers whatever the other thresholds say.
    """

    probability: float = DEFAULT_PROBABILITY
    false_alarms: float | None = None
    score: float = 0.0
    best: int = 0

    def let_pass(self, probability: float | None, false_alarms: float | None) -> bool:
        """Whether an answer with this probability and number of false alarms passes."""
        most = self.false_alarms
        if most is None:
            most = UNCALIBRATED_FALSE_ALARMS if probability is None else float("inf")
        likely = probability is None or probability >= self.probability
        return likely and (false_alarms is None or false_alarms <= most)

    def chosen(self, candidates: Iterable[Candidate]) -> list[Candidate]:
        """The candidates that become answers, likeliest first.

        Of a track that several systems find, the likeliest candidate stays. Candidates of systems
        that are not calibrated come last, in the order in which they were given.
        """
        by_track: dict[int, Candidate] = {}
        for candidate in sorted(candidates, key=lambda one: unlikeliness(one.probability)):
            by_track.setdefault(candidate.track, candidate)
        return self.kept(by_track.values())

    def kept(self, likeliest_first: Iterable[_Judged]) -> list[_Judged]:
        """Those that pass, and the first ``best`` in any case."""
        kept: list[_Judged] = []
        for one in likeliest_first:
            passes = one.score >= self.score and self.let_pass(one.probability, one.false_alarms)
            if passes or len(kept) < self.best:
                kept.append(one)
        return kept


DEFAULT = Thresholds()


@dataclass(frozen=True)
class Identifier:
    """A library, or several as one, that answers questions about files."""

    library: Library
    fingerprinter: Fingerprinter
    finders: Sequence[Finder]

    @classmethod
    def open(
        cls, *folders: Path, weights: str | None = None, threads: int | None = None
    ) -> Identifier:
        """Open libraries, which are searched as one.

        Args:
            folders: that ``nsid index`` made, at least one; each with all its shards.
            weights: where the weights of their encoder are now; None: where they were.
            threads: of the encoder; None: PyTorch's choice.

        Raises:
            UserError: one is no library, or lacks a shard; they were made in different ways; they
                hold no track; their weights are missing or others.
        """
        library = open_libraries(folders)
        if not library.sha256:
            raise UserError(
                f"{folders[0]}: holds no track, so that nothing can be found; start nsid index "
                "again"
            )
        info, fingerprinter = of_library(folders[0], library.info, weights, threads)
        library = replace(library, info=info)
        return cls(library, fingerprinter, finders_of(library))

    @property
    def remarks(self) -> list[str]:
        """What a person should know of all answers."""
        tracks = len(self.library.sha256)
        fewest = [one.calibration.fewest_tracks for one in self.finders if one.calibration]
        least = max(fewest, default=0)
        if tracks >= least:
            return []
        return [
            f"the library holds {tracks} track{'s' * (tracks != 1)}, and how likely an answer is "
            f"was only measured with {least} and more: answers count as no likelier than there"
        ]

    def identify_file(
        self, path: Path, *, thresholds: Thresholds = DEFAULT, threads: int = 1
    ) -> QueryAnswers:
        """The answers for one file; the file itself, if the library holds it, is none.

        Raises:
            UserError: the file is missing or cannot be decoded, or nothing could be found with it.
        """
        query = self.fingerprinter.of_file(path, of_query=True)
        known, sha256 = self.library.sha256, sha256_of(path)
        without = {known.index(sha256)} if sha256 in known else set[int]()
        return self.identify_track(
            query, str(path), without=without, thresholds=thresholds, threads=threads
        )

    def identify_track(
        self,
        query: Track,
        name: str,
        *,
        without: Set[int] = frozenset(),
        thresholds: Thresholds = DEFAULT,
        threads: int = 1,
    ) -> QueryAnswers:
        """The answers for a query that was fingerprinted; arguments as of ``identify``.

        Raises:
            UserError: nothing could be found with it; the message begins with the name.
        """
        require_enough(query, name)
        answers = identify(
            query,
            self.library,
            self.finders,
            thresholds=thresholds,
            without=without,
            threads=threads,
            task=f"search {Path(name).name}",
        )
        return QueryAnswers(name, query.seconds, answers, query.tags)


def is_enough(track: Track) -> bool:
    """Whether a track is long and loud enough to be compared."""
    return track.seconds >= SHORTEST_S and track.sounds


def require_enough(track: Track, name: str) -> None:
    """Refuse a track that is too short or quiet to be compared.

    Raises:
        UserError: it is; the message begins with the name.
    """
    if not is_enough(track):
        found = f"only {track.seconds:.2f} s" if track.sounds else "hardly any sound"
        raise UserError(f"{name}: {found}, too little to find anything with")


def identify(
    query: Track,
    library: Library,
    finders: Sequence[Finder],
    *,
    thresholds: Thresholds = DEFAULT,
    without: Set[int] = frozenset(),
    threads: int = 1,
    task: str = "search",
) -> list[Answer]:
    """The tracks of a library that sound in a query, likeliest first; maybe none.

    A query longer than ``windows.LONGEST_S`` is asked window by window, each a query by itself, and
    the answers of one track become one.

    Args:
        query: the query, made as the library's tracks were.
        library: names and lengths of its tracks.
        finders: of the library's tracks, at least one.
        thresholds: what becomes an answer.
        without: numbers of tracks that are none, for example because one is the query itself.
        threads: of the search.
        task: what a person is told that is done, where it takes long.
    """

    def candidates(part: Track) -> list[Candidate]:
        return thresholds.chosen(
            candidate for finder in finders for candidate in _found(part, finder, without, threads)
        )

    windows = windows_of(query.seconds)
    if len(windows) == 1:
        return [_answer(one, library, thresholds, query.seconds) for one in candidates(query)]
    peaks = library.info.landmarks.peaks if library.info.landmarks else None
    answers: list[Answer] = []
    for start_s, end_s in progress(windows, task, unit="window", quiet=True):
        part = window_of(query, start_s, end_s, peaks)
        explained = Explained()
        for one in candidates(part):
            if one.place_s is not None and explained.is_explained(
                one.finder.found_by, one.score, *one.place_s
            ):
                continue  # drawing its lines takes longer than all else
            answer = explained.rest(_answer(one, library, thresholds, part.seconds))
            if answer is not None:
                answers.append(answer.later(start_s))
    return thresholds.kept(merged(answers, query.seconds))


def _found(query: Track, finder: Finder, without: Set[int], threads: int) -> Iterator[Candidate]:
    """The tracks with a line, best first."""
    evidence = finder.find(query, without, threads)
    scores, excess = evidence.scores, evidence.excess
    calibration, chance = finder.calibration, finder.chance
    tracks = max(len(scores) - len(without), 1)
    likely = calibration.probabilities(evidence.clear, excess, tracks) if calibration else None
    found = np.flatnonzero(scores > 0)
    for track in found[np.argsort(-scores[found], kind="stable")].tolist():
        yield Candidate(
            track,
            float(scores[track]),
            None if likely is None else float(likely[track]),
            None if chance is None else chance.false_alarms(float(excess[track])),
            finder,
            evidence,
        )


def _answer(
    candidate: Candidate, library: Library, thresholds: Thresholds, seconds: float
) -> Answer:
    score, evidence = candidate.score, candidate.evidence
    # Each line reaches the least score, unless it is that of several lines together, or the track
    # is shown whatever its score.
    alone = score >= thresholds.score and not evidence.summed
    least = thresholds.score if alone else 0.0
    lines = evidence.lines(candidate.track, least)
    matches = shown(lines, least, evidence.share)
    own_seconds = float(library.seconds[candidate.track])
    return Answer(
        library.paths[candidate.track],
        score,
        candidate.probability,
        candidate.false_alarms,
        matches,
        own_seconds,
        candidate.finder.found_by,
        is_same(matches, max(seconds, own_seconds)),
        library.tags.get(library.sha256[candidate.track], NO_TAGS),
    )
