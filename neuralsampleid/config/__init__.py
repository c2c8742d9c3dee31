"""The typed configuration: the single source of defaults and checks.

Defaults are upstream's values; ``config.yaml`` says what the demo changes. The configuration
describes the experiment: threads, memory and run times belong to profiles and rules.
"""

from neuralsampleid.config.ablations import AblationRow, Ablations, ablation_run
from neuralsampleid.config.base import Device, FileName, Name, Precision, Section
from neuralsampleid.config.data import (
    AnyData,
    CatalogueData,
    Data,
    DemoData,
    FmaData,
    OwnMusicData,
    Sample100Data,
    Separation,
    Shards,
)
from neuralsampleid.config.encoders import (
    CustomEncoder,
    Encoder,
    EncoderSettings,
    Gnn,
    PretrainedEncoder,
    ResNetIbn,
)
from neuralsampleid.config.evaluation import (
    AnySystem,
    Conditions,
    Evaluation,
    FusedSystem,
    LandmarkSystem,
    LandmarkWay,
    System,
)
from neuralsampleid.config.front_ends import ConstantQ, LogMel
from neuralsampleid.config.parsing import parse_any_config, parse_config, parse_encoder, read_config
from neuralsampleid.config.report import Report
from neuralsampleid.config.retrieval import Index, Landmarks, Reranker, Scale
from neuralsampleid.config.run import Config
from neuralsampleid.config.training import (
    Augmentation,
    BaselineAugmentation,
    BaselineTraining,
    Change,
    ClassificationTriplet,
    Cosine,
    Effect,
    LearningRate,
    Loss,
    NtXent,
    Pairs,
    Steps,
    Training,
)
from neuralsampleid.config.upstream import (
    UpstreamConfig,
    UpstreamData,
    UpstreamEvaluation,
    UpstreamSystem,
)

__all__ = [
    "AblationRow",
    "Ablations",
    "AnyData",
    "AnySystem",
    "Augmentation",
    "BaselineAugmentation",
    "BaselineTraining",
    "CatalogueData",
    "Change",
    "ClassificationTriplet",
    "Conditions",
    "Config",
    "ConstantQ",
    "Cosine",
    "CustomEncoder",
    "Data",
    "DemoData",
    "Device",
    "Effect",
    "Encoder",
    "EncoderSettings",
    "Evaluation",
    "FileName",
    "FmaData",
    "FusedSystem",
    "Gnn",
    "Index",
    "LandmarkSystem",
    "LandmarkWay",
    "Landmarks",
    "LearningRate",
    "LogMel",
    "Loss",
    "Name",
    "NtXent",
    "OwnMusicData",
    "Pairs",
    "Precision",
    "PretrainedEncoder",
    "Report",
    "Reranker",
    "ResNetIbn",
    "Sample100Data",
    "Scale",
    "Section",
    "Separation",
    "Shards",
    "Steps",
    "System",
    "Training",
    "UpstreamConfig",
    "UpstreamData",
    "UpstreamEvaluation",
    "UpstreamSystem",
    "ablation_run",
    "parse_any_config",
    "parse_config",
    "parse_encoder",
    "read_config",
]
