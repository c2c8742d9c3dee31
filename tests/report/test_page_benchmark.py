"""What the page says of a query: right, elsewhere, false alarms, misses."""

import numpy as np
import pandas as pd
import pytest

from neuralsampleid.catalogue.formats import LINES, MATCHES, per_query_format
from neuralsampleid.catalogue.tables import OCCURRENCE_COLUMNS, TRACK_COLUMNS, Catalogue
from neuralsampleid.report.page.benchmark import benchmark_page, query_views, track_seconds
from neuralsampleid.report.page.views import Span
from neuralsampleid.report.tables import Table

NAN = float("nan")


def catalogue(occurrences, lengths=(60.0, 80.0, NAN)):
    tracks = [
        ("q", "query", "q.flac", lengths[0], "Song", "Somebody"),
        ("r1", "reference", "r1.flac", lengths[1], "", ""),
        ("r2", "reference", "", lengths[2], "Unheard", ""),
        ("n", "noise", "n.flac", 70.0, "Noise", "Others"),
    ]
    rows = [
        ("s", "q", *row, "occurrence", kind, "", tempo, NAN) for *row, kind, tempo in occurrences
    ]
    return Catalogue(
        pd.DataFrame(tracks, columns=list(TRACK_COLUMNS)),
        pd.DataFrame(rows, columns=list(OCCURRENCE_COLUMNS)),
    )


LOOP = [("r1", 10.0, 14.0, 20.0, 24.0, "beat", 1.1), ("r1", 30.0, 34.0, 20.0, 24.0, "beat", 1.1)]


def matches(*ranking):
    rows = [
        ("full_track", "q", 0.0, 60.0, float(rank), name, 1.0, 0, 2, 0, 2, NAN)
        for rank, name in enumerate(ranking, 1)
    ]
    rows += [("segment", "q", 0.0, 5.0, 1.0, "r2", 1.0, 0, 2, 0, 2, NAN)]
    return pd.DataFrame(rows, columns=list(MATCHES))


def lines(*rows):
    return pd.DataFrame(
        [("q", *row, NAN, NAN, float(score)) for score, row in enumerate(rows, 1)],
        columns=list(LINES),
    )


def judged(first_rank, ap=0.5):
    columns = list(per_query_format([1]))
    rows = [
        {"task": task, "query_id": "q", "first_rank": first_rank, "ap": ap}
        for task in ("full_track", "segment", "full_track_absent")
    ]
    return pd.DataFrame(rows, columns=columns)


def the_view(occurrences, ranking, found, first_rank, references=2):
    known = catalogue(occurrences)
    (view,) = query_views(
        known, track_seconds(known, found), matches(*ranking), found, judged(first_rank), references
    )
    return view


def test_what_meets_an_annotation_is_right_and_the_rest_is_elsewhere_or_a_false_alarm():
    found = lines(
        ("1", "n", 1.0, 3.0, 5.0, 7.0),
        ("2", "r1", 13.0, 16.0, 23.0, 26.0),  # overlaps the first occurrence on both sides
        ("2", "r1", 31.0, 33.0, 40.0, 42.0),  # its time in the reference is wrong
    )
    view = the_view(LOOP, ["n", "r1", "r2"], found, 2.0)
    assert (view.outcome, view.types, view.title) == ("among", ("beat",), "Somebody – Song")
    assert view.note == "first right track at rank 2, average precision 50.0 %"
    noise, reference = view.references  # r2 is beyond the first two, and not sampled
    assert [link.verdict for link in noise.links] == ["false_alarm"]
    assert (noise.rank, noise.right, reference.rank, reference.right) == (1, False, 2, True)
    assert [link.verdict for link in reference.links] == ["met", "missed", "right", "elsewhere"]
    assert reference.note == "1 of 2 annotated occurrences met"
    assert reference.title == "r1"  # it has no other name
    assert reference.links[0].tempo_ratio == 1.1
    assert reference.links[2].tempo_ratio is None


def test_touching_is_not_meeting():
    assert not Span(0, 1).overlaps(Span(1, 2))
    found = lines(("1", "r1", 14.0, 16.0, 24.0, 26.0))
    (reference,) = the_view(LOOP, ["r1"], found, 1.0).references
    assert [link.verdict for link in reference.links] == ["missed", "missed", "elsewhere"]


def test_a_sampled_track_that_is_not_shown_follows_with_its_annotations():
    view = the_view([*LOOP, ("r2", 1.0, 2.0, NAN, NAN, "riff", NAN)], ["n", "r1"], lines(), 2.0)
    missing = view.references[-1]
    assert (missing.track_id, missing.rank, missing.seconds) == ("r2", None, 1.0)
    (link,) = missing.links
    assert (link.query, link.reference, link.tempo_ratio) == (Span(1, 2), None, None)
    assert view.types == ("beat", "riff")


@pytest.mark.parametrize(
    ("times", "met"),
    [((11.0, 12.0, NAN, NAN), True), ((NAN, NAN, 21.0, 22.0), True), ((NAN,) * 4, False)],
)
def test_only_known_times_are_compared(times, met):
    found = lines(("1", "r1", 10.0, 13.0, 20.0, 23.0))
    (reference,) = the_view([("r1", *times, "", NAN)], ["r1"], found, 1.0).references
    assert [link.verdict for link in reference.links] == (
        ["met", "right"] if met else ["missed", "elsewhere"]
    )


@pytest.mark.parametrize(
    ("first_rank", "outcome", "note"),
    [
        (1.0, "first", "right track first, average precision 50.0 %"),
        (3.0, "missed", "first right track at rank 3, average precision 50.0 %"),
        (NAN, "missed", "no right track found, average precision 50.0 %"),
    ],
)
def test_outcomes(first_rank, outcome, note):
    view = the_view(LOOP, ["n"], lines(), first_rank)
    assert (view.outcome, view.note) == (outcome, note)


def test_lengths_that_nobody_knows_reach_to_the_last_known_time():
    found = lines(("1", "r2", 50.0, 59.0, 10.0, 33.0))
    known = track_seconds(catalogue(LOOP), found)
    assert known == {"q": 60.0, "r1": 80.0, "r2": 33.0, "n": 70.0}
    assert track_seconds(catalogue(LOOP, (NAN, NAN, NAN)), lines())["q"] == 34.0
    assert np.isfinite(list(track_seconds(catalogue([]), lines()).values())).all()


def test_the_page_names_its_run_system_and_figures(tmp_path):
    (tmp_path / "hit_rates.png").write_bytes(b"PNG")
    page = benchmark_page(
        "demo", 7, {"a": "A", "b": "B"}, "a", 5,
        views=[the_view(LOOP, ["r1"], lines(), 1.0)], clips={}, table=Table(("A",), (("x",),)),
        figures=[tmp_path / "hit_rates.png"],
        captions={"main_table": "Main.", "hit_rates_figure": "By length."}, remarks=["One", "Two"],
    )  # fmt: skip
    assert page.title == "Sample identification: demo"
    assert page.subtitle.startswith("2 systems and bounds, 1 query tracks, seed 7. ")
    assert "first 5 tracks that the system “A” finds" in page.about_views
    (figure,) = page.figures
    assert (figure.title, figure.caption, figure.png) == ("Hit rates", "By length.", b"PNG")
    assert page.table_caption == "Main. One. Two."
