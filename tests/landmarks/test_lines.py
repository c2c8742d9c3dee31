"""Lines of one track: which tell the same, and what of one lies beside others."""

from dataclasses import replace

import pytest

from neuralsampleid.landmarks.lines import beside, is_joined
from neuralsampleid.line import Line

LINE = Line(10.0, 14.0, 30.0, 35.0, 1.25, 50.0, 2.0)


def test_a_line_at_the_same_place_makes_one_longer():
    later = Line(12.0, 18.0, 32.6, 40.1, 1.25, 20.0, 2.1)
    lines = [replace(LINE, query_start_s=1.0, query_end_s=2.0), LINE]
    assert is_joined(later, lines)
    assert lines[1] == replace(LINE, query_end_s=18.0, reference_end_s=40.1)
    assert lines[0].query_end_s == 2.0


def test_a_line_within_another_changes_nothing():
    lines = [LINE]
    assert is_joined(Line(11.0, 12.0, 31.25, 32.5, None, 9.0, 2.0), lines)
    assert lines == [LINE]


@pytest.mark.parametrize(
    "other",
    [
        Line(12.0, 18.0, 32.9, 40.4, 1.25, 20.0, 2.0),  # 0.4 s later in the track
        Line(14.0, 18.0, 35.0, 40.0, 1.25, 20.0, 2.0),  # begins where the first ends
    ],
)
def test_a_line_at_another_place_or_time_is_not_joined(other):
    lines = [LINE]
    assert not is_joined(other, lines)
    assert lines == [LINE]


def test_what_lies_beside_others():
    assert beside(LINE, []) == LINE
    rest = beside(replace(LINE, query_start_s=6.0, reference_start_s=25.0), [LINE])
    assert rest is None  # half of it
    rest = beside(Line(3.0, 14.0, 21.25, 35.0, 1.25, 9.0, 2.0), [LINE])
    assert rest == Line(3.0, 10.0, 21.25, 30.0, 1.25, 9.0, 2.0)
