"""How encoders are pretrained: loss, schedule, pairs and their changes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from neuralsampleid.config.base import Fraction, Section


class NtXent(Section):
    """The proposed model's contrastive loss."""

    kind: Literal["nt_xent"] = "nt_xent"
    temperature: PositiveFloat = 0.05


class ClassificationTriplet(Section):
    """The baseline's loss; upstream's configuration lacks its two weights and the margin."""

    kind: Literal["classification_triplet"] = "classification_triplet"
    classification_weight: NonNegativeFloat = 1.0  # β
    triplet_weight: NonNegativeFloat = 0.1  # γ
    margin: NonNegativeFloat = 0.2
    temperature: PositiveFloat = 0.05  # of the classification; upstream has none
    triplet: Literal["described", "released"] = "described"  # released: the sign is reversed


Loss = Annotated[NtXent | ClassificationTriplet, Field(discriminator="kind")]


class Cosine(Section):
    """Learning rate: linear warm-up, then a cosine down to ``final``."""

    kind: Literal["cosine"] = "cosine"
    initial: PositiveFloat = 3e-3
    final: NonNegativeFloat = 3e-5
    warmup: Fraction = 0.05  # share of all steps


class Steps(Section):
    """Learning rate: times ``factor`` after every ``every`` epochs."""

    kind: Literal["steps"] = "steps"
    initial: PositiveFloat = 1e-4
    factor: Fraction = 0.2
    every: PositiveInt = 40


LearningRate = Annotated[Cosine | Steps, Field(discriminator="kind")]


class Pairs(Section):
    """How a training pair is made from stems (docs/upstream.md, "Training pairs")."""

    # Which sources are sampled: mix_beat_or_riff is the whole mix a third of the time.
    sampled: Literal["all_but_one", "beat_or_riff", "mix_beat_or_riff"] = "beat_or_riff"
    # Whose the query's other sources are: other_song_or_mix is another's whole mix half the time.
    rest: Literal["same_song", "other_song", "other_song_or_mix"] = "other_song"
    reference: Literal["sampled", "mix", "either"] = "either"  # what the reference view holds
    jitter_s: NonNegativeFloat = 0.05  # the two views lie up to this far apart
    silence_db: float = -50.0  # a source's level in the window, re full scale, to count as silent


Effect = Literal["gain", "equaliser", "compressor"]
Change = Literal["none", "pitch", "tempo", "varispeed", "both", "frames"]


class Augmentation(Section):
    """What happens to the query view (docs/upstream.md, "Training pairs": T1 and T2)."""

    effects: Annotated[list[Effect], Field(min_length=1)] = [  # T1, on the sampled part
        "gain",
        "equaliser",
        "compressor",
    ]
    effects_drawn: PositiveInt = 2  # how many of them a pair gets
    gain_db_min: float = -9.0  # of the sampled part over the rest
    gain_db_max: float = 6.0
    equaliser_db: NonNegativeFloat = 12.0  # ±
    changes: Annotated[list[Change], Field(min_length=1)] = [  # T2: one is drawn
        "none",
        "pitch",
        "tempo",
        "varispeed",
        "both",
    ]
    pitch_semitones: NonNegativeFloat = 3.0  # ±
    tempo_min: Annotated[float, Field(gt=0, le=1)] = 0.8
    tempo_max: Annotated[float, Field(ge=1)] = 1.25
    curriculum: Fraction = 0.3  # share of the training over which T1 and T2 grow to full size

    @model_validator(mode="after")
    def _consistent(self) -> Augmentation:
        if self.gain_db_min > self.gain_db_max:
            raise ValueError(f"gain_db_min {self.gain_db_min} exceeds gain_db_max")
        if self.effects_drawn > len(self.effects):
            raise ValueError(
                f"effects_drawn is {self.effects_drawn}, but there are {len(self.effects)} effects"
            )
        return self


class WindowChanges(Section):
    """How the two views of a window of power differ (training/windows.py)."""

    gain_db: NonNegativeFloat = 10.0  # ±, of a sampled part over the other one
    pitch_semitones: NonNegativeFloat = 1.1  # ±; a query is read at pitches 2 semitones apart
    tempo: Annotated[float, Field(ge=1)] = 1.13  # ratio, up or down; a query is read at 3 speeds
    jitter_s: NonNegativeFloat = 0.26  # ±; references have a segment every 0.5 s
    equaliser_db: NonNegativeFloat = 10.0  # ±
    filtered: Fraction = 0.35  # share with a high-pass, and share with a low-pass filter
    compressed: Fraction = 0.35  # share
    reverberated: Fraction = 0.35  # share
    noisy: Fraction = 0.3  # share
    parts: Fraction = 0.45  # share of which one source alone is sampled
    cut: Fraction = 0.3  # share that sounds in a part of the window only
    alone: Fraction = 0.1  # share with nothing beside it
    both_semitones: NonNegativeFloat = 6.0  # ±, of both views: more music out of the same
    both_tempo: Annotated[float, Field(ge=1)] = 1.22  # ratio, up or down, of both views


class AnyTraining(Section):
    """What pretrainings of all encoders have in common."""

    epochs: PositiveInt = 10
    pairs_per_epoch: PositiveInt | None = 1120  # None: one per training track
    # At most the tracks that are trained on: then all pairs of a batch are of different tracks.
    batch_pairs: Annotated[int, Field(ge=2)] = 84
    validation_share: Annotated[float, Field(gt=0, lt=1)] = 0.125  # of the training tracks
    validation_pairs: Annotated[int, Field(ge=2)] = 192
    gradient_clip: PositiveFloat | None = 1.0  # global norm
    learning_rate: LearningRate = Cosine()


class Training(AnyTraining):
    """Pretraining of an encoder on pairs of segments."""

    loss: Loss = NtXent()
    pairs: Pairs = Pairs()
    augmentation: Augmentation = Augmentation()


class WindowTraining(AnyTraining):
    """Pretraining of an encoder on pairs of windows, each of several segments."""

    learning_rate: LearningRate = Cosine(initial=2e-3)
    temperature: PositiveFloat = 0.05  # of the similarities
    # What takes tracks apart: median filters on their levels, or the separation.
    parts_of: Literal["levels", "stems"] = "levels"
    changes: WindowChanges = WindowChanges()


class BaselineTraining(Training):
    """Pretraining of the baseline: another loss, fewer pairs, and views further apart."""

    epochs: PositiveInt = 9
    loss: Loss = ClassificationTriplet()
    learning_rate: LearningRate = Cosine(initial=2e-3)
    pairs: Pairs = Pairs(jitter_s=0.07)
