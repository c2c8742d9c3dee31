"""The typed configuration: the single source of defaults and checks.

Defaults are the values that the project recommends, and ``config.yaml`` states them; the paper's
sizes stand in ``config/paper.yaml``. The configuration describes the experiment: threads, memory
and run times belong to profiles and rules.
"""

from neuralsampleid.config.base import Device, Precision, Section, network
from neuralsampleid.config.data import (
    AnyData,
    CatalogueData,
    DemoData,
    FmaData,
    FreeMusicData,
    Grade,
    OwnMusicData,
    RelationsData,
    Sample100Data,
    Separation,
)
from neuralsampleid.config.encoders import (
    CustomEncoder,
    EncoderSettings,
    Fingerprints,
    Gnn,
    PretrainedEncoder,
    ReadingCnn,
    ResNetIbn,
)
from neuralsampleid.config.evaluation import Conditions, Evaluation, Queries
from neuralsampleid.config.front_ends import ConstantQ, LogMel
from neuralsampleid.config.landmarks import Landmarks, PeakFinding, QuietPeaks
from neuralsampleid.config.parsing import (
    parse_any_config,
    parse_config,
    parse_encoder,
    read_config,
    read_run,
    read_values,
    run_named,
)
from neuralsampleid.config.rerankers import Reranker, RerankerTraining, Rescoring
from neuralsampleid.config.run import Config
from neuralsampleid.config.search import Index
from neuralsampleid.config.seeds import ablation_run
from neuralsampleid.config.systems import EvidenceSystem
from neuralsampleid.config.training import (
    AnyTraining,
    Augmentation,
    BaselineTraining,
    ClassificationTriplet,
    Cosine,
    Loss,
    NtXent,
    Pairs,
    Steps,
    Training,
    WindowChanges,
    WindowTraining,
)
from neuralsampleid.config.upstream import (
    UpstreamConfig,
    UpstreamData,
    UpstreamEvaluation,
    UpstreamSystem,
)

__all__ = [
    "AnyData",
    "AnyTraining",
    "Augmentation",
    "BaselineTraining",
    "CatalogueData",
    "ClassificationTriplet",
    "Conditions",
    "Config",
    "ConstantQ",
    "Cosine",
    "CustomEncoder",
    "DemoData",
    "Device",
    "EncoderSettings",
    "Evaluation",
    "EvidenceSystem",
    "Fingerprints",
    "FmaData",
    "FreeMusicData",
    "Gnn",
    "Grade",
    "Index",
    "Landmarks",
    "LogMel",
    "Loss",
    "NtXent",
    "OwnMusicData",
    "Pairs",
    "PeakFinding",
    "Precision",
    "PretrainedEncoder",
    "Queries",
    "QuietPeaks",
    "ReadingCnn",
    "RelationsData",
    "Reranker",
    "RerankerTraining",
    "ResNetIbn",
    "Rescoring",
    "Sample100Data",
    "Section",
    "Separation",
    "Steps",
    "Training",
    "UpstreamConfig",
    "UpstreamData",
    "UpstreamEvaluation",
    "UpstreamSystem",
    "WindowChanges",
    "WindowTraining",
    "ablation_run",
    "network",
    "parse_any_config",
    "parse_config",
    "parse_encoder",
    "read_config",
    "read_run",
    "read_values",
    "run_named",
]
