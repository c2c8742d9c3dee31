"""What fingerprints tell of the lines that landmarks propose: both kinds of evidence, added.

A line says which moment of the query is which moment of the track, how fast and how high. So the
query's segments need not be searched: each is compared with the one segment of the track that the
line names. How similar that is, in deviations from what is usual for the segment, counts in nats
beside the peaks that landmarks found. A wrong line's segments are as similar as any.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from neuralsampleid.catalogue.formats import MATCHES
from neuralsampleid.config import EvidenceSystem
from neuralsampleid.fingerprints.segments import Integers, Segments
from neuralsampleid.line import Line
from neuralsampleid.matching.landmarks import Span
from neuralsampleid.matching.reading_lines import compared, usual_of
from neuralsampleid.models.reading_cnn import SEMITONES

_QUERY = ["task", "query_id", "query_start_s", "query_end_s"]
_WITHIN_S = 0.2  # of a line are the middles of its segments
_HOPS = 1  # by which a line may be off: the most similar segment counts

LinesOf = Callable[[Span, str], Iterable[Line]]  # of a part of a query and a track's id
Floats = npt.NDArray[np.float64]
Reals = npt.NDArray[np.float32]


class Pairs(NamedTuple):
    """Segments of a query, and those of a track at the same places of a line."""

    own: Integers  # (m,) rows of the query
    other: Integers  # (m,) rows of the track


class LineJudge:
    """Tells how similar a query and tracks are along lines.

    Args:
        query_id: the query.
        readings: segments of queries by tempo; embeddings are (n, pitches · d). An encoder that
            reads at one speed and pitch has one, at tempo 1.
        searched: segments of the tracks.
        usual: rows of the tracks' segments that tell what is usual.
    """

    def __init__(
        self, query_id: str, readings: Mapping[float, Segments], searched: Segments, usual: Integers
    ) -> None:
        self._searched, self._usual = searched, np.asarray(searched.embeddings[usual])
        self._tempi = np.array(list(readings))
        self._segments = [segments.track(query_id) for segments in readings.values()]
        pitches = self._segments[0].embeddings.shape[1] // searched.embeddings.shape[1]
        self._semitones = np.array(SEMITONES if pitches > 1 else (0.0,))
        self._known: dict[tuple[int, int], tuple[Reals, Reals, Reals]] = {}

    def told(self, line: Line, track_id: str) -> Floats:
        """How similar a track is along a line, in deviations from what is usual.

        Args:
            line: between the query and the track.
            track_id: of the track.

        Returns:
            One value for each of the query's segments that sounds and whose middle lies in the
            line; of a short line for the segment nearest to its middle.
        """
        tempo = int(np.argmin(abs(np.log(self._tempi / line.slope))))
        pitch = int(np.argmin(abs(self._semitones - (line.pitch_semitones or 0.0))))
        own, track = self._segments[tempo], self._searched.track(track_id)
        pairs = pairs_along(line, own.middles_s, track.middles_s)
        rows, places = (values[~own.silent[pairs.own]] for values in pairs)
        near = np.stack([places + hop for hop in range(-_HOPS, _HOPS + 1)])
        embeddings, middle, deviation = self._read(tempo, pitch)
        others = np.asarray(track.embeddings)[near.clip(0, len(track) - 1)]
        similarities = np.einsum("md,hmd->hm", embeddings[rows], others).max(axis=0)
        found = (similarities - middle[rows, 0]) / deviation[rows, 0]
        return np.asarray(found, dtype=np.float64)

    def _read(self, tempo: int, pitch: int) -> tuple[Reals, Reals, Reals]:
        """The query's embeddings at a tempo and pitch; and of their similarities what is usual."""
        if (tempo, pitch) not in self._known:
            embeddings = np.asarray(self._segments[tempo].embeddings)
            own = embeddings.reshape(len(embeddings), len(self._semitones), -1)[:, pitch]
            self._known[tempo, pitch] = own, *usual_of(own @ self._usual.T)
        return self._known[tempo, pitch]


def pairs_along(line: Line, own: Floats, other: Floats) -> Pairs:
    """Which segments of a query and of a track lie at the same places of a line.

    Args:
        line: between them.
        own: middles of the query's segments in seconds, ascending; at least one.
        other: of the track's; at least one.
    """
    inside = (own >= line.query_start_s - _WITHIN_S) & (own <= line.query_end_s + _WITHIN_S)
    rows = np.flatnonzero(inside)
    if not len(rows):
        middle = (line.query_start_s + line.query_end_s) / 2
        rows = np.array([np.argmin(abs(own - middle))])
    there = line.reference_start_s + line.slope * (own[rows] - line.query_start_s)
    return Pairs(rows, abs(other - there[:, None]).argmin(axis=1))


def nats_of(lines: Sequence[Floats], settings: EvidenceSystem) -> float:
    """What a track's lines tell together: those that speak against it add nothing.

    Args:
        lines: deviations along each, as ``LineJudge.told`` gives them.
        settings: what a deviation counts.
    """
    return sum(settings.nats * max(float((told - settings.usual).sum()), 0.0) for told in lines)


def add_evidence(
    rankings: pd.DataFrame,
    lines_of: LinesOf,
    readings: Mapping[float, Segments],
    searched: Segments,
    settings: EvidenceSystem,
) -> pd.DataFrame:
    """Rank the first tracks of landmarks by what fingerprints tell of their lines, too.

    Args:
        rankings: columns of ``formats.MATCHES``, of landmarks.
        lines_of: finds the lines of a track.
        readings: see ``LineJudge``.
        searched: segments of noise and references.
        settings: of how many tracks, and what a deviation counts.

    Returns:
        The same rows in their new order: a score is that of landmarks and the nats of its lines.
    """
    usual = compared(np.flatnonzero(~searched.silent))
    parts, judges, known = [], dict[str, LineJudge](), dict[tuple[object, ...], float]()
    for head, ranking in rankings.groupby(_QUERY, sort=False):
        _, query_id, start_s, end_s = head
        if query_id not in judges:
            judges = {query_id: LineJudge(query_id, readings, searched, usual)}  # others' go
        scores = ranking["score"].to_numpy(float).copy()
        for place, track_id in enumerate(ranking["reference_id"].tolist()[: settings.tracks]):
            asked = (query_id, start_s, end_s, track_id)
            if asked not in known:
                lines = lines_of((query_id, start_s, end_s), track_id)
                told = [judges[query_id].told(line, track_id) for line in lines]
                known[asked] = nats_of(told, settings)
            scores[place] += known[asked]
        parts.append(ranking.assign(score=scores).iloc[np.argsort(-scores, kind="stable")])
    if not parts:
        return rankings
    table = pd.concat(parts, ignore_index=True)
    return table.assign(rank=table.groupby(_QUERY).cumcount() + 1)[list(MATCHES)]
