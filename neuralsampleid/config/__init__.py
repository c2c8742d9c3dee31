"""The typed configuration: the single source of defaults and checks.

Defaults are the values that the project recommends, and ``config.yaml`` states them; the paper's
sizes stand in ``config/paper.yaml``. The configuration describes the experiment: threads, memory
and run times belong to profiles and rules.
"""

from neuralsampleid.config.ablations import AblationRow, Ablations
from neuralsampleid.config.base import Device, FileName, Name, Precision, Section, network
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
    Fingerprints,
    Gnn,
    PretrainedEncoder,
    ResNetIbn,
)
from neuralsampleid.config.evaluation import (
    Comparisons,
    Conditions,
    Evaluation,
    Intervals,
    Metrics,
    Queries,
)
from neuralsampleid.config.front_ends import ConstantQ, LogMel
from neuralsampleid.config.landmarks import Landmarks, LandmarkSearch, PeakFinding
from neuralsampleid.config.page import Page
from neuralsampleid.config.parsing import (
    parse_any_config,
    parse_config,
    parse_encoder,
    read_config,
    read_values,
    run_named,
)
from neuralsampleid.config.rerankers import Reranker, RerankerTraining, Rescoring
from neuralsampleid.config.run import Config
from neuralsampleid.config.scale import Scale
from neuralsampleid.config.search import Index, Ranking, Search
from neuralsampleid.config.seeds import ablation_run
from neuralsampleid.config.systems import (
    AnySystem,
    FusedSystem,
    LandmarkSystem,
    LandmarkWay,
    System,
)
from neuralsampleid.config.training import (
    Augmentation,
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
    "BaselineTraining",
    "CatalogueData",
    "Change",
    "ClassificationTriplet",
    "Comparisons",
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
    "Fingerprints",
    "FmaData",
    "FusedSystem",
    "Gnn",
    "Index",
    "Intervals",
    "LandmarkSearch",
    "LandmarkSystem",
    "LandmarkWay",
    "Landmarks",
    "LearningRate",
    "LogMel",
    "Loss",
    "Metrics",
    "Name",
    "NtXent",
    "OwnMusicData",
    "Page",
    "Pairs",
    "PeakFinding",
    "Precision",
    "PretrainedEncoder",
    "Queries",
    "Ranking",
    "Reranker",
    "RerankerTraining",
    "ResNetIbn",
    "Rescoring",
    "Sample100Data",
    "Scale",
    "Search",
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
    "network",
    "parse_any_config",
    "parse_config",
    "parse_encoder",
    "read_config",
    "read_values",
    "run_named",
]
