"""The typed configuration: the single source of defaults, checks and the JSON schema.

Defaults are the released system's values; ``config.yaml`` says what the demo changes. The
configuration describes the experiment only: threads, memory and folders belong to profiles and
rules.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    Tag,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from neuralsampleid.errors import UserError

Fraction = Annotated[float, Field(ge=0, le=1)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
FileName = Annotated[str, Field(pattern=r"^\w[\w.-]*$")]  # in a folder, never a path
# What computes: conda takes its builds of torch and FAISS, and on a cluster each job that can use a
# GPU asks for one. A part of the experiment, because results depend on its arithmetic.
Hardware = Literal["cpu", "gpu"]
_Number = TypeVar("_Number", int, float)


def _distinct(values: list[_Number]) -> list[_Number]:
    twice = [value for value in values if values.count(value) > 1]
    if twice:
        raise ValueError(f"{twice[0]:g} stands twice, expected each value once")
    return values


Lengths = Annotated[list[PositiveFloat], Field(min_length=1), AfterValidator(_distinct)]
Cutoffs = Annotated[list[PositiveInt], Field(min_length=1), AfterValidator(_distinct)]


def _ascending(edges: list[float]) -> list[float]:
    if sorted(set(edges)) != edges:
        raise ValueError(f"edges {edges}, expected ascending numbers")
    return edges


Edges = Annotated[list[float], Field(min_length=1), AfterValidator(_ascending)]


class Section(BaseModel):
    """A part of the configuration: unknown keys and silent conversions are errors."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class DemoData(Section):
    """The built-in demo: how much music is composed."""

    kind: Literal["demo"] = "demo"
    sample_rate: Annotated[int, Field(ge=22050)] = 22050  # Hz
    training_songs: Annotated[int, Field(ge=2)] = 64
    training_seconds: Annotated[float, Field(ge=10)] = 30.0
    references: PositiveInt = 24
    noise_songs: PositiveInt = 48
    queries: PositiveInt = 24
    min_seconds: Annotated[float, Field(ge=30)] = 60.0
    max_seconds: Annotated[float, Field(ge=30)] = 90.0

    @model_validator(mode="after")
    def _ordered(self) -> DemoData:
        if self.min_seconds > self.max_seconds:
            raise ValueError(f"min_seconds {self.min_seconds} exceeds max_seconds")
        return self


class CatalogueData(Section):
    """An existing catalogue: a folder with ``tracks.csv`` and ``occurrences.csv``."""

    kind: Literal["catalogue"]
    folder: str


class Sample100Data(Section):
    """Sample100 with the Sample100-ext annotations; its audio is nobody's to share."""

    kind: Literal["sample100"]
    annotations: str  # folder with samples.csv, tracks.csv and annotations/S*.json
    audio: str | None = None  # folder with files named by track id; None: annotations alone
    noise: str | None = None  # folder of which every audio file is a noise track


class FmaData(Section):
    """Clips of the Free Music Archive to train on, Sample100 to evaluate on."""

    kind: Literal["fma"]
    subset: Literal["small", "medium", "large"] = "medium"
    folder: str | None = None  # holds fma_<subset>/000/000002.mp3 …; None: download
    metadata: str | None = (
        None  # fma_metadata/tracks.csv, for titles; None: download it too, or none
    )
    artefacts: str = "config/fma.csv"  # where the archives are; relative to the workflow
    evaluation: Sample100Data


class Separation(Section):
    """How training tracks become stems."""

    backend: Literal["htdemucs", "hpss", "precomputed"] = "htdemucs"
    model: str = "htdemucs"  # htdemucs: name of the model
    model_folder: str | None = None  # htdemucs: local folder; None: the package's own download
    stems_folder: str | None = None  # precomputed: <folder>/<track id>/<stem>.<ext>
    format: Literal["flac", "mp3"] = "flac"  # of the stems that are kept

    @model_validator(mode="after")
    def _complete(self) -> Separation:
        if self.backend == "precomputed" and self.stems_folder is None:
            raise ValueError("stems_folder is missing, which backend 'precomputed' needs")
        return self


class Shards(Section):
    """How many tracks one job takes at most; results do not depend on it."""

    separation: PositiveInt = 250  # training tracks that are separated, and packed into one file
    fingerprinting: PositiveInt = 100  # queries, references or noise tracks


class LogMel(Section):
    """Front end of the proposed model (released README, section 1)."""

    kind: Literal["log_mel"] = "log_mel"
    sample_rate: PositiveInt = 16000  # Hz
    n_fft: PositiveInt = 1024  # samples; also the window
    hop_length: PositiveInt = 512  # samples
    mel_bands: PositiveInt = 64
    f_min: NonNegativeFloat = 0.0  # Hz
    f_max: PositiveFloat = 8000.0  # Hz
    frames: PositiveInt = 128  # per segment
    dynamic_range_db: PositiveFloat | None = None  # below the segment's peak; None: all

    @model_validator(mode="after")
    def _consistent(self) -> LogMel:
        if not self.f_min < self.f_max <= self.sample_rate / 2:
            raise ValueError(
                f"mel bands from {self.f_min:g} to {self.f_max:g} Hz, expected f_min < f_max and "
                f"f_max at most half the sample rate, {self.sample_rate / 2:g} Hz"
            )
        if self.n_fft // 2 >= (self.frames - 1) * self.hop_length + self.hop_length // 2:
            raise ValueError(f"n_fft {self.n_fft} is too long for segments of {self.frames} frames")
        return self

    contrast: Literal["extremes", "bands"] = "extremes"  # what levels are scaled by


def _check_highest_bin(axis: ConstantQ | Landmarks) -> None:
    """A logarithmic frequency axis ends below half the sample rate."""
    highest = axis.f_min * 2 ** ((axis.bins - 1) / axis.bins_per_octave)
    if highest > axis.sample_rate / 2:
        raise ValueError(
            f"the highest of {axis.bins} bins lies at {highest:.0f} Hz, expected at most half "
            f"the sample rate, {axis.sample_rate / 2:g} Hz"
        )


class ConstantQ(Section):
    """Front end of the baseline (released README, section 3)."""

    kind: Literal["constant_q"] = "constant_q"
    sample_rate: PositiveInt = 22050  # Hz
    hop_length: PositiveInt = 512  # samples
    f_min: PositiveFloat = 32.70  # Hz
    bins: PositiveInt = 84
    bins_per_octave: PositiveInt = 12
    frames: PositiveInt = 216  # per segment
    log_magnitude: bool = False  # the released front end feeds plain magnitudes

    @model_validator(mode="after")
    def _consistent(self) -> ConstantQ:
        _check_highest_bin(self)
        return self


class NtXent(Section):
    """The proposed model's contrastive loss."""

    kind: Literal["nt_xent"] = "nt_xent"
    temperature: PositiveFloat = 0.05


class ClassificationTriplet(Section):
    """The baseline's loss; the released config lacks the two weights and the margin."""

    kind: Literal["classification_triplet"] = "classification_triplet"
    classification_weight: NonNegativeFloat = 1.0  # β
    triplet_weight: NonNegativeFloat = 1.0  # γ
    margin: NonNegativeFloat = 0.2
    temperature: PositiveFloat = 1.0  # of the classification; the released code has none
    triplet: Literal["described", "released"] = "described"  # released: the sign is reversed


Loss = Annotated[NtXent | ClassificationTriplet, Field(discriminator="kind")]


class Cosine(Section):
    """Learning rate: linear warm-up, then a cosine down to ``final``."""

    kind: Literal["cosine"] = "cosine"
    initial: PositiveFloat = 8e-5
    final: NonNegativeFloat = 7e-7
    warmup: Fraction = 0.0  # share of all steps


class Steps(Section):
    """Learning rate: times ``factor`` after every ``every`` epochs."""

    kind: Literal["steps"] = "steps"
    initial: PositiveFloat = 1e-4
    factor: Fraction = 0.2
    every: PositiveInt = 40


LearningRate = Annotated[Cosine | Steps, Field(discriminator="kind")]


class Pairs(Section):
    """How a training pair is made from stems (released README, section 4)."""

    sampled: Literal["all_but_one", "beat_or_riff"] = "all_but_one"  # which sources are sampled
    rest: Literal["same_song", "other_song"] = "same_song"  # whose the query's other sources are
    reference: Literal["sampled", "mix", "either"] = "sampled"  # what the reference view holds
    jitter_s: NonNegativeFloat = 0.25  # the two views lie up to this far apart
    silence_db: float = -50.0  # a source's level in the window, re full scale, to count as silent


Effect = Literal["gain", "equaliser", "compressor"]
Change = Literal["none", "pitch", "tempo", "varispeed", "both", "frames"]


class Augmentation(Section):
    """What happens to the query view (released README, section 4: T1 and T2)."""

    backend: Literal["batched", "audiomentations"] = "batched"
    effects: Annotated[list[Effect], Field(min_length=1)] = ["gain"]  # T1, on the sampled part
    effects_drawn: PositiveInt = 1  # how many of them a pair gets
    gain_db_min: float = -10.0  # of the sampled part over the rest
    gain_db_max: float = 10.0
    equaliser_db: NonNegativeFloat = 12.0  # ±
    changes: Annotated[list[Change], Field(min_length=1)] = ["pitch", "tempo"]  # T2: one is drawn
    pitch_semitones: NonNegativeFloat = 3.0  # ±
    tempo_min: Annotated[float, Field(gt=0, le=1)] = 0.7
    tempo_max: Annotated[float, Field(ge=1)] = 1.5
    curriculum: Fraction = 0.0  # share of the training over which T1 and T2 grow to full size

    @model_validator(mode="after")
    def _consistent(self) -> Augmentation:
        if self.gain_db_min > self.gain_db_max:
            raise ValueError(f"gain_db_min {self.gain_db_min} exceeds gain_db_max")
        if self.effects_drawn > len(self.effects):
            raise ValueError(
                f"effects_drawn is {self.effects_drawn}, but there are {len(self.effects)} effects"
            )
        return self


class Training(Section):
    """Pretraining of an encoder."""

    epochs: PositiveInt = 400
    pairs_per_epoch: PositiveInt | None = None  # None: one per training track
    batch_pairs: Annotated[int, Field(ge=2)] = 256
    validation_share: Annotated[float, Field(gt=0, lt=1)] = 0.1  # of the training tracks
    validation_pairs: Annotated[int, Field(ge=2)] = 256
    gradient_clip: PositiveFloat | None = 1.0  # global norm
    loss: Loss = NtXent()
    learning_rate: LearningRate = Cosine()
    pairs: Pairs = Pairs()
    augmentation: Augmentation = Augmentation()


class BaselineAugmentation(Augmentation):
    """The baseline draws from more effects."""

    effects: Annotated[list[Effect], Field(min_length=1)] = ["equaliser", "compressor", "gain"]
    changes: Annotated[list[Change], Field(min_length=1)] = ["pitch", "tempo", "frames"]


class BaselineTraining(Training):
    """Pretraining with the baseline's released values."""

    epochs: PositiveInt = 120
    batch_pairs: Annotated[int, Field(ge=2)] = 512
    gradient_clip: PositiveFloat | None = None
    loss: Loss = ClassificationTriplet()
    learning_rate: LearningRate = Steps()
    augmentation: BaselineAugmentation = BaselineAugmentation()


class Gnn(Section):
    """The proposed graph neural network; the defaults are the released "tiny" size."""

    architecture: Literal["gnn"] = "gnn"
    front_end: LogMel = LogMel()
    segment_hop: PositiveInt = 16  # frames between the starts of consecutive segments
    point_channels: PositiveInt = 8
    patch_bins: PositiveInt = 4
    patch_frames: PositiveInt = 8
    channels: Annotated[list[PositiveInt], Field(min_length=1)] = [64, 128, 256, 512]
    blocks: Annotated[list[PositiveInt], Field(min_length=1)] = [2, 2, 6, 2]
    graph: Literal["connected", "bypassed"] = "connected"
    graph_backend: Literal["torch", "dgl"] = "torch"  # dgl: needs DGL 1.1.3, same outputs
    neighbours: PositiveInt = 5
    max_dilation: PositiveInt = 3
    neighbour_order: Literal["distance", "heap"] = "distance"  # heap: as released, see models/graph
    edge_dropout: Fraction = 0.2
    drop_path: Fraction = 0.1
    feature_size: PositiveInt = 1024
    projection_size: PositiveInt = 4096
    embedding_size: PositiveInt = 128
    training: Training = Training()

    @model_validator(mode="after")
    def _consistent(self) -> Gnn:
        if len(self.channels) != len(self.blocks):
            raise ValueError(
                f"blocks has {len(self.blocks)} stages and channels {len(self.channels)}, "
                "expected as many"
            )
        bands, frames = self.front_end.mel_bands, self.front_end.frames
        if bands % self.patch_bins or frames % self.patch_frames:
            raise ValueError(
                f"patches of {self.patch_bins} × {self.patch_frames} do not tile "
                f"{bands} bands × {frames} frames"
            )
        return self


class ResNetIbn(Section):
    """The baseline; the defaults are the released size."""

    architecture: Literal["resnet_ibn"] = "resnet_ibn"
    front_end: ConstantQ = ConstantQ()
    segment_hop: PositiveInt = 108
    stem_channels: PositiveInt = 64
    channels: Annotated[list[PositiveInt], Field(min_length=1)] = [128, 256, 512, 1024]
    blocks: Annotated[list[PositiveInt], Field(min_length=1)] = [2, 2, 2, 2]
    strides: Annotated[list[PositiveInt], Field(min_length=1)] = [1, 1, 2, 2]
    embedding_size: PositiveInt = 2048
    training: BaselineTraining = BaselineTraining()

    @model_validator(mode="after")
    def _consistent(self) -> ResNetIbn:
        if not len(self.channels) == len(self.blocks) == len(self.strides):
            raise ValueError(
                f"channels, blocks and strides have {len(self.channels)}, {len(self.blocks)} and "
                f"{len(self.strides)} stages, expected as many"
            )
        return self


class CustomEncoder(Section):
    """An encoder in a file of its own; see docs/extending.md."""

    architecture: Literal["custom"]
    file: str  # Python file with the classes Encoder and Settings
    settings: dict[str, Any] = {}  # what its Settings say
    front_end: Annotated[LogMel | ConstantQ, Field(discriminator="kind")]
    segment_hop: PositiveInt  # frames between the starts of consecutive segments
    training: Training = Training()


EncoderSettings = Gnn | ResNetIbn | CustomEncoder
Encoder = Annotated[EncoderSettings, Field(discriminator="architecture")]


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
        _check_highest_bin(self)
        return self

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
    """The cross-attention classifier (released README, section 2) and its training."""

    encoder: Name = "gnn"  # whose node matrices it compares
    heads: PositiveInt = 4
    hidden_size: PositiveInt = 128
    dropout: Fraction = 0.3
    epochs: PositiveInt = 5
    pairs_per_epoch: PositiveInt | None = None  # None: one per training track
    batch_pairs: Annotated[int, Field(ge=2)] = 32
    negatives: PositiveInt = 3  # mined per query
    learning_rate: PositiveFloat = 1e-4
    candidates: PositiveInt = 5  # per query segment that are re-ranked
    weight: PositiveFloat = 1.0  # of its probability beside the nearest candidate's vote of 1


class Index(Section):
    """The FAISS index over noise and references (released README, section 5)."""

    kind: Literal["flat", "ivf", "ivfpq", "hnsw", "ivfpq_rescored", "auto"] = "ivfpq"
    lists: PositiveInt = 64  # ivf, ivfpq: inverted lists
    probes: PositiveInt = 20  # ivf, ivfpq: lists searched per query
    subquantizers: PositiveInt = 64  # ivfpq: must divide the embedding size
    bits: Annotated[int, Field(ge=4, le=12)] = 8  # ivfpq: per sub-quantiser
    rescored: PositiveInt = 10  # ivfpq_rescored: times as many are re-scored as wanted
    links: PositiveInt = 32  # hnsw: neighbours per node
    device: Literal["auto", "cpu", "gpu"] = "auto"
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
        "hnsw": 100_000,  # one thread builds its graph
    }
    sizes: Annotated[list[PositiveInt], Field(min_length=1)] = [10_000, 100_000, 1_000_000]

    @model_validator(mode="after")
    def _comparable(self) -> Scale:
        if self.kinds.get("flat", 0) < max(self.kinds.values()):
            raise ValueError(
                "kinds: 'flat' is missing or smaller, which the others are held against"
            )
        return self


class Conditions(Section):
    """Between which values results are told apart; n edges make n + 1 bins."""

    tempo_ratio: Edges = [0.9, 0.98, 1.02, 1.1]  # the query's speed over the reference's
    pitch_semitones: Edges = [-1.5, -0.25, 0.25, 1.5]  # up
    level_db: Edges = [-6.0, -3.0, 0.0]  # the sample over everything else
    occurrence_s: Edges = [3.0, 5.0]  # how long the sample sounds at a time


class Evaluation(Section):
    """Queries, metrics and intervals."""

    query_seconds: Lengths = [5.0, 7.0, 10.0, 15.0, 20.0]
    cutoffs: Cutoffs = [1, 3, 10]
    max_gap_s: NonNegativeFloat = 4.0  # repetitions of a sample closer than this are one passage
    ranks: PositiveInt = 100  # references kept per query
    resamples: PositiveInt = 2000  # of the bootstrap
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95  # of intervals; the rest is a test's α
    permutations: PositiveInt = 10000  # of a paired test; if as many are possible, it is exact
    conditions: Conditions = Conditions()


class System(Section):
    """One row of the tables: an encoder."""

    name: Name
    encoder: Name
    weights: Literal["trained", "untrained"] = "trained"
    reranker: bool = False


Data = Annotated[DemoData | CatalogueData | Sample100Data | FmaData, Field(discriminator="kind")]


class LandmarkSystem(Section):
    """One row of the tables: landmarks."""

    name: Name
    landmarks: Literal["plain", "searched"]  # searched: over pitch and tempo


def _kind_of_system(row: Any) -> str:  # noqa: ANN401 - whatever the file holds
    is_landmarks = isinstance(row, LandmarkSystem) or (isinstance(row, dict) and "landmarks" in row)
    return "landmarks" if is_landmarks else "encoder"


AnySystem = Annotated[
    Annotated[System, Tag("encoder")] | Annotated[LandmarkSystem, Tag("landmarks")],
    Discriminator(_kind_of_system),
]


class Config(Section):
    """One run of the benchmark; its results lie in ``results/<run>/``."""

    run: Name
    seed: NonNegativeInt = 1
    hardware: Hardware = "cpu"
    data: Data
    separation: Separation = Separation()
    shards: Shards = Shards()
    encoders: Annotated[dict[Name, Encoder], Field(min_length=1)]
    reranker: Reranker = Reranker()
    landmarks: Landmarks = Landmarks()
    systems: Annotated[list[AnySystem], Field(min_length=1)]
    index: Index = Index()
    evaluation: Evaluation = Evaluation()
    scale: Scale = Scale()

    @model_validator(mode="after")
    def _references(self) -> Config:
        known = f"expected one of {', '.join(self.encoders)}"
        if "reranker" in self.encoders:
            # models/reranker/ is the re-ranker's own folder.
            raise ValueError("an encoder is called 'reranker', expected another name")
        for system in self.encoder_systems:
            if system.encoder not in self.encoders:
                raise ValueError(
                    f"system '{system.name}' names encoder '{system.encoder}', {known}"
                )
            if system.reranker and system.encoder != self.reranker.encoder:
                raise ValueError(
                    f"system '{system.name}' re-ranks encoder '{system.encoder}', but "
                    f"reranker.encoder is '{self.reranker.encoder}'"
                )
        if any(system.reranker for system in self.encoder_systems):
            encoder = self.encoders.get(self.reranker.encoder)
            if not isinstance(encoder, Gnn):
                raise ValueError(f"reranker.encoder '{self.reranker.encoder}' is not a gnn")
        names = [system.name for system in self.systems]
        if len(set(names)) != len(names):
            raise ValueError("two systems bear the same name")
        return self

    @property
    def encoder_systems(self) -> list[System]:
        """The systems that fingerprint with an encoder."""
        return [system for system in self.systems if isinstance(system, System)]

    @property
    def landmark_systems(self) -> list[LandmarkSystem]:
        """The systems that match landmarks."""
        return [system for system in self.systems if isinstance(system, LandmarkSystem)]


class PublishedData(Section):
    """The published files: downloaded, or from a folder that holds them under the same names."""

    kind: Literal["published"]
    folder: str | None = None  # None: download
    artefacts: str = "config/artefacts.csv"  # relative to the workflow, as quoted
    quoted: str = "config/quoted.csv"
    ground_truth: FileName = "gt_dict.json"
    query_index: FileName = "sample100_query_index.json"  # optional
    groups: dict[Name, FileName] = {  # lists of queries; optional
        "riff": "riff_query_type.json",
        "beat": "beat_query_type.json",
        "interpolated": "yes_interpolation.json",
        "not_interpolated": "no_interpolation.json",
    }
    annotations: FileName | None = "sample100-ext"  # folder; optional, None: not asked for


class PublishedSystem(Section):
    """A published system: a row of the tables for each protocol."""

    name: Name
    system: Literal["proposed", "proposed_no_reranker", "baseline"]
    encoder: Literal["gnn", "resnet_ibn"]
    fingerprints: FileName  # archive
    weights: FileName | None = None  # of the encoder, to count its parameters
    reranker: FileName | None = None  # weights
    optional: bool = False  # is left out, and reported, where its files are missing

    @model_validator(mode="after")
    def _reranked(self) -> PublishedSystem:
        if (self.system == "proposed") != (self.reranker is not None):
            raise ValueError(
                f"system '{self.name}': 'proposed' needs a re-ranker's weights, the others none"
            )
        return self


class PublishedEvaluation(Section):
    """Query lengths, metrics and intervals of published fingerprints."""

    query_seconds: Lengths = [5.0, 7.0, 10.0, 15.0, 20.0]
    cutoffs: Cutoffs = [1, 3, 10]
    resamples: PositiveInt = 2000
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95


class PublishedConfig(Section):
    """A run on published fingerprints; its results lie in ``results/<run>/``."""

    run: Name
    seed: NonNegativeInt = 1
    hardware: Hardware = "cpu"
    data: PublishedData
    protocols: Annotated[list[Literal["released", "corrected"]], Field(min_length=1)] = [
        "released",
        "corrected",
    ]
    index: Literal["flat", "ivfpq"] = "ivfpq"
    systems: Annotated[list[PublishedSystem], Field(min_length=1)]
    evaluation: PublishedEvaluation = PublishedEvaluation()

    @model_validator(mode="after")
    def _distinct(self) -> PublishedConfig:
        for what, names in (
            ("systems", [system.name for system in self.systems]),
            ("protocols", self.protocols),
        ):
            if len(set(names)) != len(names):
                raise ValueError(f"two {what} bear the same name")
        return self


def parse_config(values: object, source: str) -> Config:
    """Check a configuration given as nested dictionaries.

    Args:
        values: what the YAML file held.
        source: the file's name, for error messages.

    Raises:
        UserError: one line with every wrong key, what was found and what was expected.
    """
    return _parse(Config, values, source)


def parse_any_config(values: object, source: str) -> Config | PublishedConfig:
    """As ``parse_config``; ``data.kind: published`` has a configuration of its own.

    Raises:
        UserError: see ``parse_config``.
    """
    data = values.get("data") if isinstance(values, dict) else None
    if isinstance(data, dict) and data.get("kind") == "published":
        return _parse(PublishedConfig, values, source)
    return parse_config(values, source)


def parse_encoder(values: object) -> EncoderSettings:
    """An encoder's section that ``parse_config`` has checked before."""
    return TypeAdapter[EncoderSettings](Encoder).validate_python(values)


def read_config(path: Path) -> Config:
    """Read and check one YAML file.

    Raises:
        UserError: the file is missing, is not YAML, or fails the checks.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such configuration file") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{path}: not a YAML file ({reason})") from error
    return parse_config(values, str(path))


_Parsed = TypeVar("_Parsed", bound=Section)


def _parse(model: type[_Parsed], values: object, source: str) -> _Parsed:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        unions = {"data", "loss", "learning_rate"} if model is Config else set()
        problems = "; ".join(_problem(item, unions) for item in error.errors())
        raise UserError(f"{source}: {problems}") from error


def _problem(item: Any, unions: set[str]) -> str:  # noqa: ANN401 - pydantic's ErrorDetails
    """One pydantic complaint as ``key: what is wrong``."""
    # pydantic puts the tag of a union after its key; the file has no such level.
    path = item["loc"]
    location = [
        str(part)
        for place, part in enumerate(path)
        if not (
            (place > 0 and path[place - 1] in unions)
            or (place > 1 and unions and path[place - 2] in {"encoders", "systems"})
            or (part in {"log_mel", "constant_q"} and path[place - 1] == "front_end")
        )
    ]
    key = ".".join(location) or "configuration"
    if item["type"] == "extra_forbidden":
        return f"{key}: unknown key"
    if item["type"] == "value_error":
        return f"{key}: {item['ctx']['error']}"
    found = f", found {item['input']!r}" if not isinstance(item["input"], dict) else ""
    return f"{key}: {item['msg'][0].lower()}{item['msg'][1:]}{found}"
