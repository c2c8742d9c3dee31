"""Answers as text; loops are one line."""

from dataclasses import replace

from helpers.findings import LOOP, findings
from neuralsampleid.exports.text import as_text, match_line
from neuralsampleid.library.answer import Answer, Findings, QueryAnswers
from neuralsampleid.library.loops import FEWEST, folded
from neuralsampleid.line import Line


def test_every_query_and_answer_has_its_lines():
    assert as_text(findings()).splitlines() == [
        "One (new/one.flac)",
        "  The Olds – So Old (soul/old.ogg) (and 1 more of this content): score 151.6, "
        "by landmarks, 98 % likely",
        "    0:10–0:34, 12 times ← 1:04–1:06, tempo × 1.10, pitch +1.0",
        "  jazz.wav: score 3.0, by fingerprints, 0.02 expected by chance",
        "    0:00–0:04 ← 0:30–0:34",
        "two.mp3",
        "  no sample found",
        "bad.mp3",
        "  could not be asked",
    ]


def test_what_steers_a_terminal_is_not_printed():
    found = [Line(59.6, 75, 3, 18, 1.02, 12, -2.0)]
    answer = Answer(["a\x1b[2J.wav", "b.wav"], 12.34, None, 0.00123, found, 60.0)
    lines = as_text(Findings([], "", [QueryAnswers("mi\nne.mp3", 80.0, [answer])])).splitlines()
    assert lines == [
        "mi?ne.mp3",
        "  a?[2J.wav (and 1 more of this content): score 12.3, by fingerprints, "
        "0.0012 expected by chance",
        "    1:00–1:15 ← 0:03–0:18, tempo × 1.02, pitch -2.0",
    ]


def test_loops_are_folded_from_five_on():
    assert folded(LOOP) == [LOOP]
    assert folded(LOOP[:FEWEST]) == [LOOP[:FEWEST]]
    few = LOOP[: FEWEST - 1]
    assert folded(few) == [[match] for match in few]
    assert folded([]) == []


def test_only_what_is_alike_is_folded():
    between = replace(LOOP[0], query_start_s=13.0, query_end_s=14.0, reference_start_s=64.6)
    faster = replace(LOOP[0], query_start_s=50.0, query_end_s=52.0, tempo_ratio=1.13)
    higher = replace(LOOP[0], query_start_s=52.0, query_end_s=54.0, pitch_semitones=1.6)
    close = replace(LOOP[0], query_start_s=54.0, query_end_s=56.0, tempo_ratio=1.11)
    matches = [LOOP[0], between, *LOOP[1:], faster, higher, close]
    assert folded(matches) == [[*LOOP, close], [between], [faster], [higher]]


def test_a_loop_is_told_by_its_best_match():
    matches = [replace(LOOP[0], reference_start_s=64.4), *LOOP[1:], replace(LOOP[3], score=20.0)]
    matches[-1] = replace(matches[-1], query_start_s=90.0, query_end_s=91.6, tempo_ratio=1.111)
    assert match_line(matches) == "0:10–1:32, 13 times ← 1:04–1:06, tempo × 1.11, pitch +1.0"
