"""The tracks asked about with ``nsid identify``: what was found; nobody knows the truth."""

from __future__ import annotations

from pathlib import Path

from neuralsampleid.library.answer import Answer, Findings, judgement
from neuralsampleid.library.loops import folded
from neuralsampleid.report.page.clips import reader_of, with_clips
from neuralsampleid.report.page.html import Page
from neuralsampleid.report.page.views import Link, QueryView, ReferenceView, Span
from neuralsampleid.report.text import clock


def answer_page(findings: Findings, *, audio: bool) -> Page:
    """The page of what was found.

    Args:
        findings: of any queries; those that could not be searched are left out.
        audio: whether excerpts are put into the page.
    """
    views = _views(findings)
    clips: dict[str, bytes] = {}
    if audio:
        files = [view.track_id for view in views]
        files += [part.track_id for view in views for part in view.references]
        views, clips = with_clips(views, reader_of({file: file for file in files}))
    found = sum(view.outcome == "answered" for view in views)
    return Page(
        title="Samples found",
        subtitle=f"{found} of {len(views)} tracks sample something of the library "
        + ", ".join(findings.libraries),
        views=views,
        about_views=". ".join(
            [
                "Each query is drawn above the tracks of the library that sound in it, the most "
                "probable one first",
                "“80 % likely” means that 80 of 100 answers with this probability are expected to "
                "be right, as they were on music whose samples are known",
                "“Both” plays query and reference together, the reference at the query's tempo",
                *(remark[:1].upper() + remark[1:] for remark in findings.remarks),
            ]
        )
        + ".",
        clips=clips,
    )


def _views(findings: Findings) -> list[QueryView]:
    return [
        QueryView(
            query.path,
            query.tags.name or Path(query.path).name,
            query.seconds,
            "answered" if query.answers else "nothing",
            clock(query.seconds),
            (),
            tuple(
                _reference_view(answer, rank, findings.file_of(answer))
                for rank, answer in enumerate(query.answers, 1)
            ),
        )
        for query in findings.answered
    ]


def _reference_view(answer: Answer, rank: int, path: Path) -> ReferenceView:
    links = tuple(
        Link(
            Span(part.query_start_s, part.query_end_s),
            Span(part.reference_start_s, part.reference_end_s),
            "answer",
            part.tempo_ratio,
            part.score,
            pitch_semitones=part.pitch_semitones,
            row=row,
        )
        for row, matches in enumerate(folded(answer.matches))
        for part in matches
    )
    note = f"score {answer.score:.1f}, {judgement(answer)}"
    return ReferenceView(
        str(path), answer.tags.name or path.name, answer.seconds, rank, None, note, links
    )
