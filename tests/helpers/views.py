"""A query of the report's page, small enough to be read off by eye."""

from neuralsampleid.report.page.views import Link, QueryView, ReferenceView, Span


def view(title: str = "Artist – Query", track_id: str = "q1") -> QueryView:
    """A query of 60 s: one sample found, one missed, and a false alarm before them."""
    wrong = Link(Span(5, 9), Span(50, 54), "false_alarm", None, 1.5)
    links = (
        Link(Span(10, 14), Span(20, 24), "met", 1.0),
        Link(Span(30, 34), Span(20, 24), "missed", 1.0),
        Link(Span(9, 15), Span(19, 25), "right", 1.02, 4.0),
    )
    references = (
        ReferenceView("r9", "Wrong", 90.0, 1, False, "", (wrong,)),
        ReferenceView("r1", "Right", 80.0, 2, True, "1 of 2 annotated occurrences met", links),
    )
    note = "first right track at rank 2, average precision 50.0 %"
    return QueryView(track_id, title, 60.0, "among", note, ("riff",), references)
