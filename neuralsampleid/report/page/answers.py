"""The tracks asked about with ``nsid identify``: what was found; nobody knows the truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from neuralsampleid.library.answer import Answer, judgement
from neuralsampleid.report.page.clips import reader_of, with_clips
from neuralsampleid.report.page.html import Page
from neuralsampleid.report.page.views import Link, QueryView, ReferenceView, Span
from neuralsampleid.report.text import clock


def answer_page(
    answers: Mapping[str, Sequence[Answer]],
    seconds: Mapping[str, float],
    library: str,
    music: Path,
    remarks: Sequence[str] = (),
    *,
    audio: bool,
) -> Page:
    """The page of some answers.

    Args:
        answers: a query's file → what was found, best first.
        seconds: a query's file → its length.
        library: that was searched, to be named.
        music: folder in which the references' paths begin, unless they are absolute.
        remarks: what a person should know of all answers.
        audio: whether excerpts are put into the page.
    """
    views = _views(answers, seconds, music)
    clips: dict[str, bytes] = {}
    if audio:
        files = [view.track_id for view in views]
        files += [part.track_id for view in views for part in view.references]
        views, clips = with_clips(views, reader_of({file: file for file in files}))
    found = sum(view.outcome == "answered" for view in views)
    return Page(
        title="Samples found",
        subtitle=f"{found} of {len(views)} tracks sample something of the library {library}",
        views=views,
        about_views=". ".join(
            [
                "Each track above those of the library that sound in it. A score says how much "
                "lines up; docs/own-music.md says what the rest means",
                *(remark[:1].upper() + remark[1:] for remark in remarks),
            ]
        )
        + ".",
        clips=clips,
    )


def _views(
    answers: Mapping[str, Sequence[Answer]], seconds: Mapping[str, float], music: Path
) -> list[QueryView]:
    return [
        QueryView(
            query,
            Path(query).name,
            seconds[query],
            "answered" if found else "nothing",
            clock(seconds[query]),
            (),
            tuple(_reference_view(answer, rank, music) for rank, answer in enumerate(found, 1)),
        )
        for query, found in answers.items()
    ]


def _reference_view(answer: Answer, rank: int, music: Path) -> ReferenceView:
    links = tuple(
        Link(
            Span(part.query_start_s, part.query_end_s),
            Span(part.reference_start_s, part.reference_end_s),
            "answer",
            part.tempo_ratio,
            part.score,
        )
        for part in answer.matches
    )
    note = f"score {answer.score:.1f}, {judgement(answer)}"
    path = music / answer.paths[0]
    return ReferenceView(str(path), path.name, answer.seconds, rank, None, note, links)
