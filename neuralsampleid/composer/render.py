"""Notes to sound: a sampler whose tones symusic renders from the General MIDI soundfont.

symusic's synthesiser plays the soundfont's samples at one loudness, without envelopes and without
release. So each pitch of a part is rendered once as a long raw tone, and the
dynamics, the decay, the release and the vibrato are added here, note by note.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.signal import lfilter
from symusic import Synthesizer
from symusic.core import NoteSecond, ScoreSecond, TrackSecond

from neuralsampleid.audio.sound import Waveform
from neuralsampleid.composer.compose import Part

_SOFT = 0.6  # loudness below which a tone is duller


@dataclass(frozen=True)
class Envelope:
    """How a tone comes and goes; times in seconds."""

    attack_s: float = 0.003
    decay_s: float = np.inf  # time constant; endless for tones that are held by breath or bow
    release_s: float = 0.06
    vibrato: float = 0.0  # semitones


# By General MIDI family (program // 8).
_FAMILIES: Mapping[int, Envelope] = {
    0: Envelope(decay_s=1.1, release_s=0.12),  # pianos
    1: Envelope(decay_s=0.7, release_s=0.4),  # mallets
    2: Envelope(release_s=0.04),  # organs
    3: Envelope(decay_s=0.8, release_s=0.08),  # guitars
    4: Envelope(decay_s=1.0, release_s=0.05),  # basses
    5: Envelope(attack_s=0.06, release_s=0.2, vibrato=0.08),  # strings
    6: Envelope(attack_s=0.05, release_s=0.25, vibrato=0.08),  # ensembles and voices
    7: Envelope(attack_s=0.015, release_s=0.09, vibrato=0.1),  # brass
    8: Envelope(attack_s=0.015, release_s=0.09, vibrato=0.12),  # reeds
    9: Envelope(attack_s=0.02, release_s=0.1, vibrato=0.15),  # pipes
    10: Envelope(attack_s=0.006, release_s=0.1, vibrato=0.12),  # synth leads
    11: Envelope(attack_s=0.08, release_s=0.5),  # synth pads
    12: Envelope(decay_s=1.0, release_s=0.3),  # synth effects
}
_PROGRAMS: Mapping[int, Envelope] = {
    7: Envelope(decay_s=0.45, release_s=0.03),  # clavinet
    22: Envelope(attack_s=0.02, release_s=0.07, vibrato=0.15),  # harmonica
    28: Envelope(decay_s=0.12, release_s=0.02),  # muted guitar
    29: Envelope(decay_s=2.5, release_s=0.06, vibrato=0.08),  # overdriven guitar
    30: Envelope(decay_s=3.0, release_s=0.06),  # distorted guitar
    38: Envelope(decay_s=0.5, release_s=0.04),  # synth bass 1
    39: Envelope(decay_s=0.8, release_s=0.04),  # synth bass 2
    46: Envelope(decay_s=0.6, release_s=0.4),  # harp
    52: Envelope(attack_s=0.05, release_s=0.16, vibrato=0.25),  # voices
    53: Envelope(attack_s=0.04, release_s=0.16, vibrato=0.25),
    54: Envelope(attack_s=0.03, release_s=0.12, vibrato=0.2),
    61: Envelope(attack_s=0.012, release_s=0.08),  # brass section
    62: Envelope(attack_s=0.01, decay_s=1.2, release_s=0.12),
    63: Envelope(attack_s=0.02, decay_s=1.5, release_s=0.15),
    85: Envelope(attack_s=0.04, release_s=0.15, vibrato=0.25),  # voice lead
}
# Many drum sounds are loops that only an envelope ends; by General MIDI key.
_DRUM_DECAY_S: Mapping[int, float] = {
    35: 0.1,  # kick drums
    36: 0.1,
    46: 0.18,  # open hi-hat
    49: 0.8,  # crash cymbals
    57: 0.7,
    51: 0.45,  # ride cymbals
    59: 0.4,
    81: 0.4,  # triangle
    42: 0.08,  # closed hi-hats
    44: 0.06,
    54: 0.1,  # tambourine
    67: 0.15,  # agogo bells
    68: 0.15,
}
_DRUM_S = 0.16


def envelope_of(part: Part, pitch: int) -> Envelope:
    """The envelope of a tone of a part."""
    if part.stem == "drums":
        return Envelope(0.0, _DRUM_DECAY_S.get(pitch, _DRUM_S), 0.05)
    family = _FAMILIES.get(part.program // 8, Envelope())
    return _PROGRAMS.get(part.program, family)


def render_part(
    part: Part, soundfont: Path, seconds: float, sample_rate: int, tuning: float = 0.0
) -> Waveform:
    """Play a part.

    Args:
        part: instrument and notes.
        soundfont: the mended General MIDI soundfont.
        seconds: length of the result; later sound is cut off.
        sample_rate: Hz.
        tuning: semitones by which all tones are raised.

    Returns:
        float32 (samples,), not normalised.
    """
    samples = round(seconds * sample_rate)
    audio = np.zeros(samples, np.float32)
    # A tone that is rendered for another sample rate sounds higher or lower at ours.
    synthesizer = Synthesizer(str(soundfont), round(sample_rate * 2 ** (-tuning / 12)))
    for pitch in np.unique(part.notes[:, 2]):
        envelope = envelope_of(part, int(pitch))
        notes = part.notes[part.notes[:, 2] == pitch]
        longest = float(notes[:, 1].max()) + envelope.release_s
        raw = _raw_tone(synthesizer, part, int(pitch), 1.1 * longest + 0.1)
        loud = _shaped(raw, envelope, sample_rate)
        release = _release(round(envelope.release_s * sample_rate))
        soft = lfilter([0.45], [1.0, -0.55], loud).astype(np.float32)
        for start, duration, _, loudness in notes:
            held = round(duration * sample_rate)
            tone = _released(loud if loudness >= _SOFT else soft, held, release)
            begin = round(start * sample_rate)
            tone = tone[: max(samples - begin, 0)]
            audio[begin : begin + len(tone)] += tone * np.float32(loudness**1.5)
    return audio


def _raw_tone(synthesizer: Synthesizer, part: Part, pitch: int, seconds: float) -> Waveform:
    track = TrackSecond("", part.program, part.stem == "drums")
    track.notes.append(NoteSecond(0.0, seconds, pitch, 100))
    score = ScoreSecond(480)
    score.tracks.append(track)
    return np.asarray(synthesizer.render(score, stereo=False)[0], dtype=np.float32)


def _shaped(raw: Waveform, envelope: Envelope, sample_rate: int) -> Waveform:
    """Add vibrato, attack and decay; they begin with the note and do not depend on its length."""
    time = np.arange(len(raw), dtype=np.float32) / sample_rate
    tone = raw
    if envelope.vibrato > 0:
        rate = 5.3  # Hz
        depth = envelope.vibrato * np.log(2) / 12 / (2 * np.pi * rate) * np.clip(time / 0.4, 0, 1)
        tone = np.interp(time + depth * np.sin(2 * np.pi * rate * time), time, raw)
    gain = np.exp(-time / np.float32(envelope.decay_s))
    if envelope.attack_s > 0:
        gain *= np.minimum(time / np.float32(envelope.attack_s), 1.0)
    return (tone * gain).astype(np.float32)


def _released(tone: Waveform, held: int, release: Waveform) -> Waveform:
    """The tone as far as it is held (samples), and dying away after that."""
    note = tone[: held + len(release)].copy()
    tail = min(len(release), len(note))
    note[len(note) - tail :] *= release[len(release) - tail :]
    return note


def _release(samples: int) -> Waveform:
    return np.linspace(1.0, 0.0, max(samples, 1), dtype=np.float32) ** 2
