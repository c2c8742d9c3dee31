"""What finds tracks: landmarks, the re-ranker, FAISS indexes."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from neuralsampleid.config.base import Fraction, Name, Section
from neuralsampleid.config.front_ends import check_highest_bin


class Landmarks(Section):
    """The classical system: pairs of spectral peaks that agree on a time offset (Wang 2003)."""

    sample_rate: PositiveInt = 11025  # Hz
    n_fft: PositiveInt = 1024  # samples; also the window
    hop_length: PositiveInt = 256  # samples between frames
    f_min: PositiveFloat = 110.0  # Hz
    bins: PositiveInt = 200
    bins_per_octave: PositiveInt = 36
    peak_frames: PositiveInt = 5  # a peak is the largest value within ± so many frames
    peak_bins: PositiveInt = 9  # and ± so many bins
    peaks_per_second: PositiveInt = 30  # the loudest
    partners: PositiveInt = 3  # of a peak, each of which makes a landmark
    partner_frames: PositiveInt = 32  # after the peak at most
    partner_bins: PositiveInt = 48  # above or below at most
    offset_frames: PositiveInt = 4  # offsets that differ by less agree
    pitch_semitones: NonNegativeFloat = 3.0  # ±, of the search
    tempo_min: Annotated[float, Field(gt=0, le=1)] = 0.8  # of the search: the query's speed
    tempo_max: Annotated[float, Field(ge=1)] = 1.25  # over the reference's
    tempo_step: Annotated[float, Field(gt=0, lt=1)] = 0.02  # between tempi, as a ratio

    @model_validator(mode="after")
    def _consistent(self) -> Landmarks:
        check_highest_bin(self.f_min, self.bins, self.bins_per_octave, self.sample_rate)
        return self

    @property
    def frame_s(self) -> float:
        """Seconds between frames."""
        return self.hop_length / self.sample_rate

    @property
    def shift_bins(self) -> int:
        """How far a search goes up and down."""
        return round(self.pitch_semitones * self.bins_per_octave / 12)

    @property
    def stretches(self) -> list[float]:
        """The tempo ratios of a search, from none to the largest change."""
        step = math.log1p(self.tempo_step)
        lowest = math.ceil(math.log(self.tempo_min) / step)
        highest = math.floor(math.log(self.tempo_max) / step)
        return [math.exp(step * place) for place in sorted(range(lowest, highest + 1), key=abs)]


class Reranker(Section):
    """The cross-attention classifier and its training (docs/upstream.md, "Re-ranker")."""

    encoder: Name = "gnn"  # whose node matrices it compares
    heads: PositiveInt = 4
    hidden_size: PositiveInt = 128
    dropout: Fraction = 0.3
    epochs: PositiveInt = 5
    pairs_per_epoch: PositiveInt | None = None  # None: one per training track
    batch_pairs: Annotated[int, Field(ge=2)] = 32
    negatives: PositiveInt = 3  # mined per query
    mining: Literal["corrected", "released"] = "corrected"  # released: see training/mining.py
    learning_rate: PositiveFloat = 1e-4
    candidates: PositiveInt = 5  # per query segment that are re-ranked
    weight: PositiveFloat = 1.0  # of its probability beside the nearest candidate's vote of 1


class Index(Section):
    """The FAISS index over noise and references (docs/upstream.md, "Search")."""

    kind: Literal["flat", "ivf", "ivfpq", "hnsw", "ivfpq_rescored", "auto"] = "ivfpq"
    lists: PositiveInt = 64  # ivf, ivfpq: inverted lists
    probes: PositiveInt = 20  # ivf, ivfpq: lists searched per query
    subquantizers: PositiveInt = 64  # ivfpq: must divide the embedding size
    bits: Annotated[int, Field(ge=4, le=12)] = 8  # ivfpq: per sub-quantiser
    rescored: PositiveInt = 10  # ivfpq_rescored: times as many are re-scored as wanted
    links: PositiveInt = 32  # hnsw: neighbours per node
    candidates: PositiveInt = 20  # per query segment


class Scale(Section):
    """The same queries in catalogues enlarged with distractors (``snakemake scale``)."""

    encoder: Name = "gnn"  # its trained weights
    query_seconds: PositiveFloat = 10.0  # one of evaluation.query_seconds
    components: PositiveInt = 256  # of the mixture that distractors are drawn from
    kinds: Annotated[
        dict[Literal["flat", "ivf", "ivfpq", "hnsw", "ivfpq_rescored"], PositiveInt],
        Field(min_length=1),
    ] = {  # kind of index: segments in the largest catalogue that it is built for
        "flat": 10_000_000,
        "ivf": 10_000_000,
        "ivfpq": 10_000_000,
        "ivfpq_rescored": 10_000_000,
        "hnsw": 1_000_000,  # its graph takes longest to build
    }
    sizes: Annotated[list[PositiveInt], Field(min_length=1)] = [10_000, 100_000, 1_000_000]

    @model_validator(mode="after")
    def _comparable(self) -> Scale:
        if self.kinds.get("flat", 0) < max(self.kinds.values()):
            raise ValueError(
                "kinds: 'flat' is missing or smaller, which the others are held against"
            )
        return self
