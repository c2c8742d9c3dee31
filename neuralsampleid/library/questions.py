"""Questions about a library's own tracks, which are asked with what is stored of them.

No audio of the library is read: a track's stored peaks and fingerprints are the query.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from neuralsampleid.audio.tags import NO_TAGS
from neuralsampleid.library.answer import QueryAnswers
from neuralsampleid.library.finders import LandmarkFinder
from neuralsampleid.library.identify import Identifier, Thresholds, identify, is_enough
from neuralsampleid.library.store import Library, Track
from neuralsampleid.progress import progress


@dataclass(frozen=True)
class Source:
    """A track that may be sampled in a library's tracks."""

    path: Path
    sha256: str  # of the file
    track: Track


def stored_track(library: Library, number: int) -> Track:
    """What a library keeps of one of its tracks, as a query."""
    return Track(
        float(library.seconds[number]),
        None if library.fingerprints is None else library.fingerprints[number],
        None if library.landmarks is None else library.landmarks[number],
        library.tags.get(library.sha256[number], NO_TAGS),
    )


def samples_within(
    identifier: Identifier, thresholds: Thresholds, threads: int = 1
) -> list[QueryAnswers]:
    """Which tracks of a library sound in others of it; only those queries that have answers.

    Where one track samples another, both may be in the answers of the other: which of them is
    older is not known.

    Args:
        identifier: of the library, with T tracks, each of which is asked among all others.
        thresholds: which answers are given.
        threads: of each search.
    """
    found = []
    for number, track in _stored(identifier.library):
        name = _file_of(identifier.library, number)
        answers = identifier.identify_track(
            track, name, without={number}, thresholds=thresholds, threads=threads
        )
        found.append(answers)
    return _likeliest_first(found)


def uses_of(
    sources: Sequence[Source], identifier: Identifier, thresholds: Thresholds, threads: int = 1
) -> list[QueryAnswers]:
    """In which tracks of a library others are sampled; only those tracks that have answers.

    The sources are the references and each track of the library is a query. Only landmarks answer
    this: a score by fingerprints says how a track compares with others, and here are none.

    Args:
        sources: at least one, which are searched as one library.
        identifier: of the library, with T tracks and landmarks.
        thresholds: which answers are given; a probability is that of one track among T.
        threads: of each search.
    """
    library, made = identifier.library, identifier.library.info.landmarks
    assert made is not None
    peaks = [source.track.landmarks for source in sources]
    references = Library(
        library.info,
        [[str(source.path.absolute())] for source in sources],
        [source.sha256 for source in sources],
        np.array([source.track.seconds for source in sources]),
        [],
        {source.sha256: source.track.tags for source in sources},
    )
    finder = LandmarkFinder.of(
        [one for one in peaks if one is not None], references.seconds, made.peaks, made.settings
    )
    if made.calibration is not None:
        fewest = max(made.calibration.fewest_tracks, len(library.sha256))
        finder = replace(finder, calibration=replace(made.calibration, fewest_tracks=fewest))
    found = []
    for number, track in _stored(library):
        content = library.sha256[number]
        own = {place for place, other in enumerate(references.sha256) if other == content}
        answers = identify(
            track, references, [finder], thresholds=thresholds, without=own, threads=threads
        )
        name = _file_of(library, number)
        found.append(QueryAnswers(name, track.seconds, answers, track.tags))
    return _likeliest_first(found)


def _stored(library: Library) -> Iterator[tuple[int, Track]]:
    """Numbers and tracks of a library with which something can be found."""
    for number in progress(range(len(library.sha256)), "search", quiet=True):
        track = stored_track(library, number)
        if is_enough(track):
            yield number, track


def _file_of(library: Library, number: int) -> str:
    return str(Path(library.info.music, library.paths[number][0]))


def _likeliest_first(found: Sequence[QueryAnswers]) -> list[QueryAnswers]:
    def order(query: QueryAnswers) -> tuple[float, float]:
        return -(query.answers[0].probability or 0.0), -query.answers[0].score

    return sorted((query for query in found if query.answers), key=order)
