"""Answers: which tracks of a library sound in a query, and where; exports are made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from neuralsampleid.audio.tags import NO_TAGS, Tags
from neuralsampleid.line import Line

_SAME_SHARE, _SAME_TEMPO, _SAME_S = 0.8, 0.01, 1.0  # of both tracks; change of tempo; of offset


@dataclass(frozen=True)
class Answer:
    """A reference and where it sounds."""

    paths: list[str]  # files that hold it, relative to the folder of music if there is but one
    score: float  # of its best line: votes or landmarks less cost
    probability: float | None  # that it is right; None: the system is not calibrated
    false_alarms: float | None  # unrelated tracks that stand out as much; None: not measured
    matches: list[Line]  # in the order of the query's time
    seconds: float  # length of the reference
    found_by: str = "fingerprints"  # or landmarks; the scores of the two do not compare
    same_recording: bool = False  # all of the query is all of the reference, at its tempo
    tags: Tags = NO_TAGS  # artist and title

    def later(self, seconds: float) -> Answer:
        """The same so much later in the query."""
        return replace(self, matches=[match.later(seconds) for match in self.matches])


@dataclass(frozen=True)
class QueryAnswers:
    """A query and the answers to it."""

    path: str  # as it was given
    seconds: float  # its length; 0 if it could not be read
    answers: Sequence[Answer]  # best first
    tags: Tags = NO_TAGS  # artist and title
    problem: str = ""  # why it could not be searched; it has no answers then


@dataclass(frozen=True)
class Findings:
    """All that one run of ``nsid identify`` found."""

    libraries: Sequence[str]  # folders that were searched, as they were given
    music: str  # folder in which the answers' paths begin, unless they are absolute
    queries: Sequence[QueryAnswers]
    remarks: Sequence[str] = ()  # what a person should know of all answers

    @property
    def answered(self) -> list[QueryAnswers]:
        """The queries that could be searched."""
        return [query for query in self.queries if not query.problem]

    def file_of(self, answer: Answer) -> Path:
        """Where the first file of an answer lies."""
        return Path(self.music, answer.paths[0])


def percent(probability: float) -> str:
    """A probability for a person; the fit's trials are too few to tell 99 % from certainty."""
    return "over 99 %" if probability > 0.99 else f"{100 * probability:.0f} %"


def judgement(answer: Answer) -> str:
    """What found an answer and how far to trust it, for a person."""
    if answer.same_recording:
        trust = "the same recording"
    elif answer.probability is not None:
        trust = f"{percent(answer.probability)} likely"
    elif answer.false_alarms is None:
        trust = "too few tracks to judge"
    else:
        trust = f"{answer.false_alarms:.2g} expected by chance"
    return f"by {answer.found_by}, {trust}"


def is_same(matches: Sequence[Line], seconds: float) -> bool:
    """Whether matches say that a query and a reference, the longer so long, are one recording."""
    best = max(matches, key=lambda match: match.score, default=None)
    if best is None:
        return False
    offset = best.query_start_s - best.reference_start_s
    together = sum(
        match.query_end_s - match.query_start_s
        for match in matches
        if abs(match.query_start_s - match.reference_start_s - offset) <= _SAME_S
        and abs((match.tempo_ratio or 1.0) - 1) <= _SAME_TEMPO
    )
    return abs(offset) <= (1 - _SAME_SHARE) * seconds and together >= _SAME_SHARE * seconds
