"""Excerpts: whose bytes repeat, that decode to what went in, and that there is one of each kind."""

import io
from dataclasses import replace

import numpy as np
import soundfile

from helpers.views import view
from neuralsampleid.audio.io import write_audio
from neuralsampleid.report.page.clips import (
    CLIP_RATE,
    CLIP_SECONDS,
    MOST_ROWS,
    excerpt,
    reader_of,
    with_clips,
)
from neuralsampleid.report.page.views import Link, Span

RATE = 22050


def tone(seconds, hertz=440.0):
    time = np.arange(round(seconds * RATE)) / RATE
    return (0.5 * np.sin(2 * np.pi * hertz * time)).astype(np.float32)


def test_the_same_sound_gives_the_same_file_that_decodes():
    sound = tone(3.0)
    first, second = excerpt(sound.copy(), RATE), excerpt(sound.copy(), RATE)
    assert first == second
    decoded, rate = soundfile.read(io.BytesIO(first))
    assert (len(decoded), rate) == (len(sound), RATE)
    middle = slice(RATE // 2, -RATE // 2)
    assert np.corrcoef(decoded[middle], sound[middle])[0, 1] > 0.99
    assert abs(decoded[0]) < 0.02  # faded in
    assert len(first) / 3 < 8000  # bytes per second


def test_a_single_sample_and_loud_sound_can_be_encoded():
    assert len(soundfile.read(io.BytesIO(excerpt(np.ones(1, np.float32), RATE)))[0]) == 1
    decoded, _ = soundfile.read(io.BytesIO(excerpt(4 * tone(0.5), RATE)))
    assert np.abs(decoded).max() < 1.6


def test_the_best_of_each_kind_is_heard_once():
    asked = []

    def read(track_id, span):
        asked.append((track_id, span))
        return tone(span.end_s - span.start_s), RATE

    (shown, twin), clips = with_clips([view(), view()], read)
    wrong, right = shown.references
    assert wrong.links[0].query_clip == "q1@5.00-9.00"
    assert wrong.links[0].reference_clip == "r9@50.00-54.00"
    met, missed, found = right.links
    assert (met.query_clip, met.reference_clip) == (None, None)  # heard as what met it
    assert (missed.query_clip, missed.reference_clip) == ("q1@30.00-34.00", "r1@20.00-24.00")
    assert (found.query_clip, found.reference_clip) == ("q1@9.00-15.00", "r1@19.00-25.00")
    assert twin == shown
    assert len(asked) == len(set(asked)) == len(clips) == 6
    assert all(span.end_s - span.start_s <= CLIP_SECONDS for _, span in asked)


def test_every_row_has_sound_up_to_a_number_of_rows():
    links = [
        Link(Span(second, second + 1), Span(second, second + 1), "answer", score=second, row=row)
        for row in range(MOST_ROWS + 2)
        for second in (row + 0.25, row + 0.5)
    ]
    query = replace(view(), references=(replace(view().references[0], links=tuple(links)),))
    (shown,), clips = with_clips([query], lambda track_id, span: (tone(1.0), RATE))
    heard = [link for link in shown.references[0].links if link.query_clip]
    assert [link.score for link in heard] == [row + 0.5 for row in range(2, MOST_ROWS + 2)]
    assert len(clips) == 2 * MOST_ROWS


def test_tracks_without_sound_have_no_clips():
    (shown,), clips = with_clips([view()], lambda track_id, span: None)
    assert clips == {}
    assert shown == view()


def test_files_are_read_where_they_are(tmp_path):
    write_audio(tmp_path / "a.flac", tone(5.0), RATE)
    read = reader_of({"a": tmp_path / "a.flac", "gone": tmp_path / "gone.flac", "none": ""})
    sound, rate = read("a", Span(1.0, 2.5))
    assert rate == CLIP_RATE
    np.testing.assert_allclose(sound, tone(5.0)[RATE : round(2.5 * RATE)], atol=1e-4)
    assert read("gone", Span(0, 1)) is None
    assert read("none", Span(0, 1)) is None
