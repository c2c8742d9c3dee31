"""Training pairs from packed stems (docs/upstream.md, "Training pairs").

A pair's two views hold the same sampled part; the query view is changed and mixed with a rest. An
item is made from its index and the seed alone, so neither the number of workers nor a resumption
changes what is trained on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from torch.utils.data import Dataset

from neuralsampleid.audio.front_ends import segment_samples
from neuralsampleid.config import ConstantQ, LogMel, Pairs, Training
from neuralsampleid.errors import UserError
from neuralsampleid.training.packs import PackedStems
from neuralsampleid.training.speed_and_pitch import FRAME_SECONDS, Changes, draw_changes

Audio = npt.NDArray[np.float32]
SOURCES = ((0,), (1,), (2, 3))  # vocals; drums; bass and other are one source
DRUMS, ACCOMPANIMENT = 1, 2  # places in SOURCES
SMALLEST_STRENGTH = 0.25  # where a curriculum starts
_ATTEMPTS = 10  # windows tried before one with too few sounding sources is taken


@dataclass(frozen=True)
class RawPair:
    """The audio of a pair before any change, and the changes to come.

    ``sampled`` and ``rest`` are float32 (window samples,) and longer than a segment, so that a
    faster query can be read from them; ``reference`` is float32 (segment samples,). The middle of
    ``sampled`` is, up to the jitter, the middle of ``reference``.
    """

    sampled: Audio
    rest: Audio
    reference: Audio
    changes: Changes


@dataclass(frozen=True)
class PairGeometry:
    """Lengths in samples."""

    segment: int
    window: int
    jitter: int

    @classmethod
    def of(cls, front_end: LogMel | ConstantQ, training: Training) -> PairGeometry:
        segment = segment_samples(front_end)
        jitter = round(training.pairs.jitter_s * front_end.sample_rate)
        changes = set(training.augmentation.changes)
        changes_tempo = not changes.isdisjoint({"tempo", "varispeed", "both"})
        slowest = training.augmentation.tempo_max if changes_tempo else 1.0
        edit = FRAME_SECONDS if "frames" in changes else 0.0
        reach = segment * slowest + edit * slowest * front_end.sample_rate
        # Whole frames on both sides of the middle; the reference must fit with its jitter.
        half = max(reach / 2, segment / 2 + jitter) / front_end.hop_length
        return cls(segment, 2 * math.ceil(half + 1) * front_end.hop_length, jitter)


class PairSource(Dataset[RawPair]):
    """Pairs by global index: epoch × pairs per epoch + place.

    Args:
        packed: stems at the front end's sample rate.
        tracks: which of the packed tracks to draw from.
        front_end: gives the segment's length.
        training: pairs and augmentation.
        seed: of the whole run.
        total: pairs that the whole training will draw; the curriculum's clock.
    """

    def __init__(
        self,
        packed: PackedStems,
        tracks: list[int],
        front_end: LogMel | ConstantQ,
        training: Training,
        seed: int,
        total: int,
    ) -> None:
        self.packed = packed
        self.tracks = tracks
        self.training = training
        self.geometry = PairGeometry.of(front_end, training)
        self.seed = seed
        self.total = total

    def __len__(self) -> int:
        return self.total

    def __getitem__(self, index: int) -> RawPair:
        rng = np.random.default_rng([self.seed, index])
        track = drawn_track(self.tracks, index, self.seed)
        sources, sounding = self._window(track, rng)
        sampled, rest = _split(sounding, self.training.pairs, rng)
        changes = draw_changes(self.training.augmentation, rng, self._strength(index))
        sampled_audio = sources[sampled].sum(axis=0)
        if self.training.pairs.rest == "same_song":
            rest_audio = sources[rest].sum(axis=0)
        else:
            rest_audio = _at_level_of(sampled_audio, self._new_parts(track, sampled, rng))
        holds = self.training.pairs.reference
        whole = holds == "mix" or (holds == "either" and rng.random() < 0.5)
        reference = self._reference(sources.sum(axis=0) if whole else sampled_audio, rng)
        return RawPair(sampled_audio, rest_audio, reference, changes)

    def _strength(self, index: int) -> float:
        curriculum = self.training.augmentation.curriculum
        if curriculum == 0.0:
            return 1.0
        grown = index / self.total / curriculum
        return min(1.0, SMALLEST_STRENGTH + (1 - SMALLEST_STRENGTH) * grown)

    def _window(self, track: int, rng: np.random.Generator) -> tuple[Audio, list[int]]:
        """A random window's sources (3, samples), and which of them sound in it."""
        samples = self.geometry.window
        latest = max(0, int(self.packed.tracks["samples"].iat[track]) - samples)
        for _ in range(_ATTEMPTS):
            stems = self.packed.window(track, int(rng.integers(latest + 1)), samples)
            sources = np.stack([stems[list(members)].sum(axis=0) for members in SOURCES])
            sounding = sounding_sources(sources, self.training.pairs.silence_db)
            if len(sounding) >= 2:
                break
        return sources, sounding

    def _new_parts(self, track: int, sampled: list[int], rng: np.random.Generator) -> Audio:
        """New material from another song: sources that the sample lacks, or, if set, its mix."""
        others = [other for other in self.tracks if other != track] or self.tracks
        lacking = [source for source in range(len(SOURCES)) if source not in sampled]
        wanted = lacking or [source for source in range(len(SOURCES)) if source != ACCOMPANIMENT]
        whole = self.training.pairs.rest == "other_song_or_mix" and rng.random() < 0.5
        for _ in range(_ATTEMPTS):
            sources, sounding = self._window(others[int(rng.integers(len(others)))], rng)
            able = [source for source in wanted if source in sounding]
            if whole or able:
                chosen = sounding if whole else _subset(able, rng)
                parts: Audio = sources[chosen].sum(axis=0)
                return parts
        return np.zeros(self.geometry.window, np.float32)

    def _reference(self, audio: Audio, rng: np.random.Generator) -> Audio:
        geometry = self.geometry
        shift = int(rng.integers(-geometry.jitter, geometry.jitter + 1))
        start = (geometry.window - geometry.segment) // 2 + shift
        return audio[start : start + geometry.segment]


def drawn_track(tracks: list[int], index: int, seed: int) -> int:
    """The track of a pair by its global index: they come in a new random order each time round.

    So a batch no larger than the number of tracks holds no track twice: two windows of one song,
    often the same loop, would be each other's negatives.
    """
    turn, place = divmod(index, len(tracks))
    order = np.random.default_rng([seed, turn, 0]).permutation(len(tracks))
    return tracks[int(order[place])]


def sounding_sources(sources: Audio, silence_db: float) -> list[int]:
    """Which sources' level exceeds ``silence_db`` re full scale.

    Upstream's code compares a source with the others in a way that nearly always holds; this is
    what it describes.
    """
    power = np.square(sources).mean(axis=1)
    return [int(place) for place in np.flatnonzero(power > 10 ** (silence_db / 10))]


def split_tracks(count: int, validation_share: float, seed: int) -> tuple[list[int], list[int]]:
    """Divide track indices into held-out and kept ones; at least one held out, two kept.

    Raises:
        UserError: fewer than three tracks.
    """
    if count < 3:
        raise UserError(f"{count} training tracks, expected at least 3 to hold some out")
    order = np.random.default_rng(seed).permutation(count).tolist()
    held_out = min(max(1, round(validation_share * count)), count - 2)
    return sorted(order[:held_out]), sorted(order[held_out:])


def without_curriculum(training: Training) -> Training:
    """The same training with fully changed pairs from the start."""
    full = training.augmentation.model_copy(update={"curriculum": 0.0})
    return training.model_copy(update={"augmentation": full})


def _split(
    sounding: list[int], settings: Pairs, rng: np.random.Generator
) -> tuple[list[int], list[int]]:
    """Divide the sounding sources into the sampled part and the rest."""
    if len(sounding) < 2:
        return list(range(len(SOURCES))), []
    if settings.sampled == "mix_beat_or_riff" and rng.random() < 1 / 3:
        sampled = sounding
    elif settings.sampled != "all_but_one":
        sampled = _beat_or_riff(sounding, rng)
    else:
        rest = int(rng.choice(sounding))
        sampled = [source for source in sounding if source != rest]
    return sampled, [source for source in sounding if source not in sampled]


def _beat_or_riff(sounding: list[int], rng: np.random.Generator) -> list[int]:
    """Drums alone half of the time; else the accompaniment with or without each other source."""
    if DRUMS in sounding and rng.random() < 0.5:
        return [DRUMS]
    riff = [source for source in sounding if source == ACCOMPANIMENT or rng.random() < 0.5]
    return riff or sounding


def _subset(items: list[int], rng: np.random.Generator) -> list[int]:
    """A non-empty subset, all equally likely."""
    code = int(rng.integers(1, 2 ** len(items)))
    return [item for place, item in enumerate(items) if code >> place & 1]


def _at_level_of(model: Audio, audio: Audio) -> Audio:
    """``audio`` scaled to the level of ``model``; unchanged if either is silent."""
    target, actual = np.square(model).mean(), np.square(audio).mean()
    if min(target, actual) < 1e-10:
        return audio
    scaled: Audio = audio * np.float32(np.sqrt(target / actual))
    return scaled
