"""Short excerpts to listen to, as MP3."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile

from neuralsampleid.audio.ffmpeg import read_any_part
from neuralsampleid.audio.sound import Waveform
from neuralsampleid.errors import UserError
from neuralsampleid.report.page.views import Link, QueryView, ReferenceView, Span

CLIP_SECONDS = 6.0  # s, at most
CLIP_RATE = 22050  # Hz
MOST_ROWS = 8  # of a reference that have sound
_LOG = logging.getLogger(__name__)
FADE_SECONDS = 0.01  # s, at both ends, so that they do not click

# A track's part as mono and its rate in Hz; None if the track has no audio (any more).
Reader = Callable[[str, Span], tuple[Waveform, int] | None]


def with_clips(
    views: Sequence[QueryView], read: Reader
) -> tuple[list[QueryView], dict[str, bytes]]:
    """The views with sound for the best of each kind or row of links of a reference, and it.

    Args:
        views: of queries.
        read: gives a part of a track.

    Returns:
        The views, whose links name their clips, and the clips as MP3 files by these names.
    """
    clips: dict[str, bytes] = {}

    def clip(track_id: str, span: Span | None) -> str | None:
        if span is None or span.end_s <= span.start_s:
            return None
        start = round(span.start_s, 2)  # both sides of a link are played together
        part = Span(start, min(span.end_s, start + CLIP_SECONDS))
        name = f"{track_id}@{start:.2f}-{part.end_s:.2f}"
        if name not in clips:
            sound = read(track_id, part)
            if sound is None or not len(sound[0]):
                return None
            clips[name] = excerpt(*sound)
        return name

    def heard(query: QueryView, reference: ReferenceView) -> ReferenceView:
        chosen = _best_of_each_row(reference.links)
        links = [
            replace(
                link,
                query_clip=clip(query.track_id, link.query),
                reference_clip=clip(reference.track_id, link.reference),
            )
            if place in chosen
            else link
            for place, link in enumerate(reference.links)
        ]
        return replace(reference, links=tuple(links))

    with_sound = [
        replace(view, references=tuple(heard(view, part) for part in view.references))
        for view in views
    ]
    return with_sound, clips


def reader_of(paths: Mapping[str, str | Path]) -> Reader:
    """Reads parts of the files of tracks; one without file that can be read has no sound.

    Args:
        paths: track → its file; may be empty.
    """

    def read(track_id: str, span: Span) -> tuple[Waveform, int] | None:
        path = Path(paths[track_id])
        if not paths[track_id] or not path.is_file():
            return None
        try:
            part = read_any_part(path, CLIP_RATE, span.start_s, span.end_s - span.start_s)
        except UserError as error:  # the page shows its lines all the same
            _LOG.warning("%s", error)
            return None
        return part.copy(), CLIP_RATE

    return read


def excerpt(audio: Waveform, sample_rate: int) -> bytes:
    """Encode mono audio as MP3, about 40 kbit/s; the same audio gives the same bytes.

    Args:
        audio: (samples,), at least one; clipped to [-1, 1].
        sample_rate: in Hz.
    """
    count = min(len(audio) // 2, round(FADE_SECONDS * sample_rate))
    sound = np.clip(audio, -1.0, 1.0)
    fade = np.linspace(0.0, 1.0, count, dtype=np.float32)
    sound[:count] *= fade
    sound[len(sound) - count :] *= fade[::-1]
    encoded = io.BytesIO()
    soundfile.write(
        encoded, sound, sample_rate, format="MP3", bitrate_mode="VARIABLE", compression_level=0.8
    )
    return encoded.getvalue()


def _best_of_each_row(links: Sequence[Link]) -> set[int]:
    """Places of the links with the highest score of each verdict and row, the first of equals."""
    best: dict[tuple[str, int | None], int] = {}
    for place in sorted(range(len(links)), key=lambda place: -links[place].score):
        link = links[place]
        if link.verdict != "met" and len(best) < MOST_ROWS:  # what was met is heard as what met it
            best.setdefault((link.verdict, link.row), place)
    return set(best.values())
