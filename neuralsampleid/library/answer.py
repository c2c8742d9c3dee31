"""An answer: a track of a library that sounds in a query, and where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

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

    def later(self, seconds: float) -> Answer:
        """The same so much later in the query."""
        return replace(self, matches=[match.later(seconds) for match in self.matches])


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
