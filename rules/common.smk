"""Which files, and which part of the configuration, the workflow needs where."""

from snakemake.exceptions import WorkflowError

from neuralsampleid.config import (
    CatalogueData,
    CustomEncoder,
    DemoData,
    FmaData,
    OwnMusicData,
    PretrainedEncoder,
    PublishedConfig,
    ablation_run,
    parse_any_config,
)
from neuralsampleid.datasets.planning import planned_tracks
from neuralsampleid.catalogue.shards import shard_names
from neuralsampleid.errors import UserError
from neuralsampleid.threads import wait_passively


def checked(values):
    """The typed configuration with its defaults, or one line that says what is wrong."""
    source = ", ".join(str(file) for file in workflow.configfiles) or "configuration"
    try:
        return parse_any_config(values, source)
    except UserError as error:
        raise WorkflowError(str(error)) from None


def planned(data):
    """How many tracks of each role there are to work on, before any job has run."""
    try:
        return planned_tracks(data)
    except UserError as error:
        raise WorkflowError(str(error)) from None


CONFIG = checked(config)
RUN = f"results/{CONFIG.run}"
IS_PUBLISHED = isinstance(CONFIG, PublishedConfig)
IS_DEMO = isinstance(CONFIG.data, DemoData)
IS_CATALOGUE = isinstance(CONFIG.data, CatalogueData)
IS_OWN_MUSIC = isinstance(CONFIG.data, OwnMusicData)
IS_FMA = isinstance(CONFIG.data, FmaData)
DOWNLOADS_FMA = IS_FMA and CONFIG.data.folder is None
FMA_METADATA = "fma_metadata.zip"
FMA_ARCHIVES = (  # name → the user's folder with its content, or None
    {
        f"fma_{CONFIG.data.subset}.zip": CONFIG.data.folder,
        FMA_METADATA: CONFIG.data.metadata,
    }
    if IS_FMA
    else {}
)
DATA = CONFIG.data.folder if IS_CATALOGUE else f"{RUN}/data"
SYSTEMS = {system.name: system for system in CONFIG.systems}
ENCODER_SYSTEMS = [] if IS_PUBLISHED else CONFIG.encoder_systems
LANDMARK_SYSTEMS = [] if IS_PUBLISHED else CONFIG.landmark_systems
FUSED_SYSTEMS = [] if IS_PUBLISHED else CONFIG.fused_systems
PAGE_SYSTEM = None if IS_PUBLISHED else CONFIG.page_system
ENCODERS = [] if IS_PUBLISHED else list(CONFIG.encoders)
ABLATION_ROWS = (
    []
    if IS_PUBLISHED or CONFIG.ablations is None
    else [CONFIG.ablations.system, *CONFIG.ablations.rows]
)
READY = [  # encoders with weights of their own
    name for name in ENCODERS if isinstance(CONFIG.encoders[name], PretrainedEncoder)
]
SCALED = "" if IS_PUBLISHED else f"{CONFIG.scale.encoder}_trained"  # the scale study's
RERANKERS = {} if IS_PUBLISHED else CONFIG.all_rerankers
USED_RERANKERS = list(
    dict.fromkeys(row.reranker_name for row in ENCODER_SYSTEMS if row.reranker)
)
COLLECTED = ["metrics"] + ([] if IS_PUBLISHED else ["quantities", "reliability"])
TABLES = ["main", "hit_rates", "sample_types"]
if IS_PUBLISHED:
    TABLES += ["interpolation", "artefacts"]
else:
    TABLES += ["conditions", "localisation", "rejection", "median_ranks", "comparisons"]
STEM_SAMPLE_RATE = 22050  # Hz, of the separated stems
TRACKS = {} if IS_PUBLISHED else planned(CONFIG.data)  # how many there are of each role
SEARCHED_ROLES = [
    role for role in ("noise", "reference") if TRACKS.get(role) or not IS_OWN_MUSIC
]
CORES = workflow.resource_settings.cores or 1  # a cluster's profile says how many
# Only device: cuda has conda's builds for a GPU, and one GPU asked for by each job that can use one;
# device: auto takes what the job finds.
BUILD = "gpu" if CONFIG.device == "cuda" else "cpu"
GPUS = 1 if CONFIG.device == "cuda" else 0


def section(part, *left_out):
    """A part of the configuration as plain values; a changed value reruns what was given it."""
    return part.model_dump(mode="json", exclude=set(left_out))


def encoder_shape(wildcards):
    """What an encoder is, without how it is trained."""
    return section(CONFIG.encoders[wildcards.encoder], "training")


def encoder_training(encoder):
    """What an encoder's weights depend on: not how densely a track will be fingerprinted."""
    return section(CONFIG.encoders[encoder], "segment_hop")


def segment_hop(wildcards, output):
    """Kept in the weights' file for use without this workflow.

    It takes ``output`` because Snakemake reruns nothing for params that are made of it.
    """
    return CONFIG.encoders[wildcards.encoder].segment_hop


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
    name = SYSTEMS[system].reranker_name
    return [f"{RUN}/models/{name}/trained.pt"] if name else []


def reranked(wildcards):
    """The encoder that a re-ranker is for."""
    return RERANKERS[wildcards.reranker].encoder


def reranker_settings(wildcards):
    """What the re-ranker is and how many candidates it sees; None without one."""
    name = SYSTEMS[wildcards.system].reranker_name
    if name is None:
        return None
    training = (
        "epochs",
        "pairs_per_epoch",
        "batch_pairs",
        "negatives",
        "mining",
        "learning_rate",
    )
    return section(RERANKERS[name], *training)


def names_of(systems):
    """A pattern that fits the names of some systems, and nothing if there are none."""
    return "|".join(system.name for system in systems) or "(?!)"


def peak_settings():
    """What finding peaks depends on, without how they are paired and searched."""
    keys = "sample_rate n_fft hop_length f_min bins bins_per_octave".split()
    keys += ["peak_frames", "peak_bins", "peaks_per_second"]
    return {key: section(CONFIG.landmarks)[key] for key in keys}


def data_files():
    """The catalogue, or the published files."""
    return artefacts(*published_files()) if IS_PUBLISHED else f"{DATA}/tracks.csv"


def known_levels():
    """The table of the samples' levels in the mix; a catalogue may have one."""
    path = f"{DATA}/levels.csv"
    return [path] if IS_DEMO or (IS_CATALOGUE and Path(path).exists()) else []


def used_encoders():
    """Encoders whose trained or ready weights some system needs."""
    used = {row.encoder for row in ENCODER_SYSTEMS if row.weights == "trained"}
    used |= {RERANKERS[name].encoder for name in USED_RERANKERS}
    return [name for name in ENCODERS if name in used]


def trained_models():
    """Folders of everything that is trained, in the order of the configuration."""
    if IS_PUBLISHED:
        return []
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
    if IS_PUBLISHED:
        return []
    fresh = {row.encoder for row in ENCODER_SYSTEMS if row.weights == "untrained"}
    ready = {row.encoder for row in ENCODER_SYSTEMS if row.encoder in READY}
    return [
        *(f"{model}/trained.pt" for model in trained_models()),
        *(f"{RUN}/models/{encoder}/trained.pt" for encoder in sorted(ready)),
        *(f"{RUN}/models/{encoder}/untrained.pt" for encoder in sorted(fresh)),
    ]


def fingerprint_files():
    """The stores and the index of every system."""
    if IS_PUBLISHED:
        return []
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


def tables_of_systems(name):
    """A table of each system, in the order of the configuration."""
    if not IS_PUBLISHED:
        return expand(f"{RUN}/evaluation/{{system}}/{name}.csv", system=SYSTEMS)
    return expand(
        f"{RUN}/evaluation/{{system}}/{{protocol}}/{name}.csv",
        system=SYSTEMS,
        protocol=CONFIG.protocols,
    )


def figure_names():
    """Figures of the report; what was not trained or separated cannot be drawn."""
    if IS_PUBLISHED:
        return ["hit_rates", "map"]
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


def artefacts(*names):
    """Folders of published files, each with its record; None is left out."""
    return [f"{RUN}/artefacts/{name}" for name in names if name is not None]


def file_in_folder(name):
    """A published file, or files, in the user's folder: changing one reruns what it is used for."""
    if CONFIG.data.folder is None:
        return []
    path = Path(CONFIG.data.folder, name)
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    return [str(file) for file in files if file.is_file()]


def weight_files():
    """Published weights, each file once."""
    files = [name for row in CONFIG.systems for name in (row.weights, row.reranker)]
    return [name for name in dict.fromkeys(files) if name is not None]


def files_of(systems):
    """Published files that systems need: weights and fingerprints."""
    files = [(row.weights, row.reranker, row.fingerprints) for row in systems]
    return [name for row in files for name in row if name is not None]


def annotations_of(wildcards):
    """The annotations, from which the corrected protocol takes the groups of queries."""
    return (
        artefacts(CONFIG.data.annotations) if wildcards.protocol == "corrected" else []
    )


def unpacked(system):
    """The folder of a published system's fingerprints."""
    return f"{RUN}/unpacked/{SYSTEMS[system].fingerprints}"


def published_files():
    """Every published file of the run, each once."""
    lists = [CONFIG.data.ground_truth, CONFIG.data.query_index]
    lists += CONFIG.data.groups.values()
    lists += [CONFIG.data.annotations] if CONFIG.data.annotations else []
    return list(dict.fromkeys([*files_of(CONFIG.systems), *lists]))


def is_optional(wildcards):
    """Whether the run goes on without a published file."""
    if IS_FMA:
        return wildcards.artefact == FMA_METADATA
    needed = files_of(row for row in CONFIG.systems if not row.optional)
    return wildcards.artefact not in [*needed, CONFIG.data.ground_truth]


def used_by():
    """What cannot be had without a published file, for the report."""
    without = {}
    for row in CONFIG.systems:
        for name in (row.reranker, row.fingerprints):
            without.setdefault(name, []).append(f"evaluation of {row.name}")
    for row in CONFIG.systems:
        without.setdefault(row.weights, []).append(f"parameters of {row.name}")
    for group, name in CONFIG.data.groups.items():
        without.setdefault(name, []).append(f"group {group} from its list")
    without[CONFIG.data.annotations] = ["groups from annotations, but from the lists"]
    return {name: ", ".join(what) for name, what in without.items() if name}


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
    files = ["metrics.csv", "provenance.json"]
    files += [f"tables/{name}.md" for name in TABLES]
    files += [f"figures/{name}.png" for name in figure_names()]
    files += [] if IS_PUBLISHED else ["comparisons.csv", "found_by_one.csv"]
    files += ["index.html", "figures/timeline.png"] if PAGE_SYSTEM else []
    skipped = [f"{RUN}/stems/report.csv"] if trained_models() else []
    return [f"{RUN}/report/{file}" for file in files] + skipped
