"""A line within its tracks, and which lines of a track an answer shows."""

from neuralsampleid.line import Line, least_shown, shown


def line(score: float, start: float = 0.0) -> Line:
    return Line(start, start + 5.0, start + 10.0, start + 15.0, 1.0, score)


def test_a_line_lies_within_its_tracks():
    assert line(1.0).within(4.0, 12.0) == Line(0.0, 4.0, 10.0, 12.0, 1.0, 1.0)
    assert Line(0.0, 5.0, -1.0, 4.0, None, 1.0).within(9.0, 9.0).reference_start_s == 0.0


def test_lines_at_least_half_as_good_are_shown_by_time():
    lines = [line(8.0, 30.0), line(5.0, 10.0), line(4.0, 20.0), line(3.9)]
    assert [one.score for one in shown(lines)] == [5.0, 4.0, 8.0]
    assert [one.score for one in shown(lines, least=4.5)] == [5.0, 8.0]
    assert [one.score for one in shown(lines, share=0.0)] == [3.9, 5.0, 4.0, 8.0]
    assert shown([]) == []


def test_the_best_is_shown_whatever_the_others_need():
    assert [one.score for one in shown([line(2.0), line(1.5)], least=3.0)] == [2.0]


def test_no_line_is_asked_for_that_cannot_be_shown():
    def lines():
        yield line(8.0)
        yield line(1.0)
        raise AssertionError

    assert len(shown(lines())) == 1


def test_the_least_score_of_further_lines():
    assert (least_shown(8.0), least_shown(8.0, 5.0)) == (4.0, 5.0)


def test_a_line_tells_where_it_is_in_the_reference():
    line = Line(10.0, 14.0, 30.0, 35.0, 1.25, 50.0)
    assert line.slope == 1.25
    assert [line.reference_at(time) for time in (8.0, 12.0, 16.0)] == [27.5, 32.5, 37.5]
    moment = Line(10.0, 10.0, 30.0, 30.0, None, 5.0)
    assert moment.reference_at(11.0) == 31.0


def test_a_line_between_two_others():
    first, last = Line(1.0, 3.0, 11.0, 13.0, 1.0, 9.0), Line(4.0, 8.0, 14.0, 18.0, 1.0, 7.0)
    whole = Line(2.0, 5.0, 12.0, 15.0, 1.01, 8.0, 0.5).between(first, last)
    assert whole == Line(1.0, 8.0, 11.0, 18.0, 1.01, 8.0, 0.5)
