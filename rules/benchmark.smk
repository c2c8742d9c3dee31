"""Which files, and which part of the configuration, the benchmark's rules need where."""

from snakemake.exceptions import WorkflowError

from neuralsampleid.catalogue.shards import shard_names
from neuralsampleid.config import (
    CatalogueData,
    CustomEncoder,
    DemoData,
    FmaData,
    OwnMusicData,
    PretrainedEncoder,
    ablation_run,
    network,
)
from neuralsampleid.datasets.planning import planned_tracks
from neuralsampleid.errors import UserError


def planned(data):
    """How many tracks of each role there are to work on, before any job has run."""
    try:
        return planned_tracks(data)
    except UserError as error:
        raise WorkflowError(str(error)) from None


IS_DEMO = isinstance(CONFIG.data, DemoData)
IS_CATALOGUE = isinstance(CONFIG.data, CatalogueData)
IS_OWN_MUSIC = isinstance(CONFIG.data, OwnMusicData)
IS_FMA = isinstance(CONFIG.data, FmaData)
DOWNLOADS_FMA = IS_FMA and CONFIG.data.folder is None
FMA_ARCHIVES = (  # name → the user's folder with its content, or None
    {
        f"fma_{CONFIG.data.subset}.zip": CONFIG.data.folder,
        "fma_metadata.zip": CONFIG.data.metadata,
    }
    if IS_FMA
    else {}
)
REQUIRED_ARTEFACTS = [*FMA_ARCHIVES][:1]  # the run goes on without the metadata
DATA = CONFIG.data.folder if IS_CATALOGUE else f"{RUN}/data"
ENCODER_SYSTEMS = CONFIG.encoder_systems
LANDMARK_SYSTEMS = CONFIG.landmark_systems
FUSED_SYSTEMS = CONFIG.fused_systems
PAGE_SYSTEM = CONFIG.page_system
ENCODERS = list(CONFIG.encoders)
ABLATION_ROWS = list(CONFIG.ablation_labels)
READY = [  # encoders with weights of their own
    name for name in ENCODERS if isinstance(CONFIG.encoders[name], PretrainedEncoder)
]
SCALED = f"{CONFIG.scaled_encoder}_trained"  # the scale study's
RERANKERS = CONFIG.rerankers
USED_RERANKERS = list(
    dict.fromkeys(row.reranker for row in ENCODER_SYSTEMS if row.reranker)
)
TABLES = ["main", "hit_rates", "sample_types", "conditions", "localisation"]
TABLES += ["rejection", "median_ranks", "comparisons"]
STEM_SAMPLE_RATE = 22050  # Hz, of the separated stems
TRACKS = planned(CONFIG.data)  # how many there are of each role
SEARCHED_ROLES = [
    role for role in ("noise", "reference") if TRACKS.get(role) or not IS_OWN_MUSIC
]
COLLECTED = (
    {  # tables of each system that make one table, in the order of the configuration
        name: expand(f"{RUN}/evaluation/{{system}}/{name}.csv", system=SYSTEMS)
        for name in ("metrics", "quantities", "reliability")
    }
)


wildcard_constraints:
    encoder="|".join(ENCODERS),
    reranker="|".join(RERANKERS),
    weights="trained|untrained",
    role="query|reference|noise",
    rate=r"\d+",
    shard=r"\d{4}",
    segments=r"\d+",


def encoder_network(wildcards):
    """What an encoder is, without its training and how densely it fingerprints."""
    return network(CONFIG.encoders[wildcards.encoder])


def encoder_training(encoder):
    """What an encoder's weights depend on."""
    settings = CONFIG.encoders[encoder]
    return {**network(settings), "training": section(settings.training)}


def encoder_fingerprints(wildcards):
    """What an encoder's fingerprints depend on, besides its weights."""
    settings = CONFIG.encoders[wildcards.encoder]
    return {**network(settings), "fingerprints": section(settings.fingerprints)}


def shards_of(role):
    """Names of the parts into which the tracks of a role are divided, each for one job."""
    sizes = CONFIG.shards
    size = sizes.separation if role == "train" else sizes.fingerprinting
    return shard_names(TRACKS[role], size)


def stems_folder():
    """Where the stems lie: the rules' outputs are lists of them, so that a job can be resumed."""
    separation = CONFIG.separation
    is_model = separation.backend == "htdemucs"
    return f"{RUN}/stems/{separation.model if is_model else separation.backend}"


def code_of(wildcards):
    """The file of a custom encoder, so that changing it reruns what it was used for."""
    encoder = CONFIG.encoders[wildcards.encoder]
    return [encoder.file] if isinstance(encoder, CustomEncoder) else []


def packed_of(encoder):
    """The packed stems at an encoder's sample rate, shared by all encoders of that rate."""
    rate = CONFIG.encoders[encoder].front_end.sample_rate
    return expand(f"{RUN}/stems/packed_{rate}/{{shard}}", shard=shards_of("train"))


def fingerprints_of(name, *roles):
    """The stores of an encoder and its weights, one per shard."""
    return [
        f"{RUN}/fingerprints/{name}/{role}/{shard}"
        for role in roles
        for shard in shards_of(role)
    ]


def weights_of(system):
    """Which encoder a system has, with which weights; names the folder of its fingerprints."""
    return f"{SYSTEMS[system].encoder}_{SYSTEMS[system].weights}"


def needs_nodes(wildcards):
    """Whether a re-ranker compares the node matrices of these fingerprints."""
    name = f"{wildcards.encoder}_{wildcards.weights}"
    return any(row.reranker and weights_of(row.name) == name for row in ENCODER_SYSTEMS)


def reranker_of(system):
    """The re-ranker's weights, if the system has one."""
    name = SYSTEMS[system].reranker
    return [f"{RUN}/models/{name}/trained.pt"] if name else []


def reranked(wildcards):
    """The encoder that a re-ranker is for."""
    return RERANKERS[wildcards.reranker].encoder


def reranker_training(wildcards):
    """What a re-ranker's weights depend on, besides its encoder."""
    settings = RERANKERS[wildcards.reranker]
    return {**network(settings), "training": section(settings.training)}


def reranker_rescoring(wildcards):
    """What a system's re-ranker is and how it re-scores; None without one."""
    name = SYSTEMS[wildcards.system].reranker
    if name is None:
        return None
    settings = RERANKERS[name]
    return {**network(settings), "rescoring": section(settings.rescoring)}


def names_of(systems):
    """A pattern that fits the names of some systems, and nothing if there are none."""
    return "|".join(system.name for system in systems) or "(?!)"


def data_files():
    """The catalogue."""
    return f"{DATA}/tracks.csv"


def known_levels():
    """The table of the samples' levels in the mix; a catalogue may have one."""
    path = f"{DATA}/levels.csv"
    return [path] if IS_DEMO or (IS_CATALOGUE and Path(path).exists()) else []


def used_encoders():
    """Encoders whose trained or pretrained weights some system needs."""
    used = {row.encoder for row in ENCODER_SYSTEMS if row.weights == "trained"}
    used |= {RERANKERS[name].encoder for name in USED_RERANKERS}
    return [name for name in ENCODERS if name in used]


def trained_models():
    """Folders of everything that is trained, in the order of the configuration."""
    encoders = [name for name in used_encoders() if name not in READY]
    return [f"{RUN}/models/{name}" for name in encoders + USED_RERANKERS]


def stem_files():
    """What training and the report need of the stems."""
    if not trained_models():
        return []
    encoders = [name for name in ENCODERS if f"{RUN}/models/{name}" in trained_models()]
    quality = [f"{RUN}/stems/quality.csv"] if IS_DEMO else []
    packed = [folder for name in encoders for folder in packed_of(name)]
    return [f"{RUN}/stems/report.csv", *quality, *packed]


def model_files():
    """All weights, trained or not."""
    fresh = {row.encoder for row in ENCODER_SYSTEMS if row.weights == "untrained"}
    ready = {row.encoder for row in ENCODER_SYSTEMS if row.encoder in READY}
    return [
        *(f"{model}/trained.pt" for model in trained_models()),
        *(f"{RUN}/models/{encoder}/trained.pt" for encoder in sorted(ready)),
        *(f"{RUN}/models/{encoder}/untrained.pt" for encoder in sorted(fresh)),
    ]


def fingerprint_files():
    """The stores and the index of every system."""
    names = dict.fromkeys(weights_of(row.name) for row in ENCODER_SYSTEMS)
    stores = [
        store
        for name in names
        for store in fingerprints_of(name, "query", *SEARCHED_ROLES)
    ]
    roles = ["query", *SEARCHED_ROLES] if LANDMARK_SYSTEMS else []
    return [
        *stores,
        *(f"{RUN}/fingerprints/{name}/index.faiss" for name in names),
        *(f"{RUN}/fingerprints/landmarks/{role}.npz" for role in roles),
    ]


def figure_names():
    """Figures of the report; what was not trained or separated cannot be drawn."""
    names = ["hit_rates", "map", "ranks"]
    names += ["conditions", "changes", "localisation", "rejection"]
    names += ["calibration"] if USED_RERANKERS else []
    if trained_models():
        names.append("learning_curves")
        names += ["separation"] if IS_DEMO else []
    return names


def captions():
    """Templates of the captions that the page shares with Snakemake's report, by name."""
    names = [
        "main_table",
        *(f"{name}_figure" for name in (*figure_names(), "timeline")),
    ]
    folder = Path(workflow.basedir, "report")
    return {
        name: (folder / f"{name}.rst").read_text(encoding="utf-8") for name in names
    }


def fma_folder(archive, own):
    """The user's own folder of FMA's files, or where the downloaded archive is unpacked."""
    return f"{RUN}/unpacked/{archive}" if own is None and DOWNLOADS_FMA else own


def annotation_tables(folder):
    """What of a folder with Sample100-ext a catalogue is made from."""
    return expand(
        f"{folder}/{{name}}", name=["samples.csv", "tracks.csv", "annotations"]
    )


def final_output():
    """Everything that the report consists of."""
    files = ["metrics.csv", "provenance.json", "comparisons.csv", "found_by_one.csv"]
    files += [f"tables/{name}.md" for name in TABLES]
    files += [f"figures/{name}.png" for name in figure_names()]
    files += ["index.html", "figures/timeline.png"] if PAGE_SYSTEM else []
    skipped = [f"{RUN}/stems/report.csv"] if trained_models() else []
    return [f"{RUN}/report/{file}" for file in files] + skipped
