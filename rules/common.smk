"""Which files, and which part of the configuration, the workflow needs where."""

from snakemake.exceptions import WorkflowError

from neuralsampleid.config import (
    CatalogueData,
    CustomEncoder,
    DemoData,
    PublishedConfig,
    parse_any_config,
)
from neuralsampleid.errors import UserError


def checked(values):
    """The typed configuration with its defaults, or one line that says what is wrong."""
    source = ", ".join(str(file) for file in workflow.configfiles) or "configuration"
    try:
        return parse_any_config(values, source)
    except UserError as error:
        raise WorkflowError(str(error)) from None


CONFIG = checked(config)
RUN = f"results/{CONFIG.run}"
IS_PUBLISHED = isinstance(CONFIG, PublishedConfig)
IS_DEMO = isinstance(CONFIG.data, DemoData)
IS_CATALOGUE = isinstance(CONFIG.data, CatalogueData)
DATA = CONFIG.data.folder if IS_CATALOGUE else f"{RUN}/data"
SYSTEMS = {system.name: system for system in CONFIG.systems}
ENCODERS = [] if IS_PUBLISHED else list(CONFIG.encoders)
USES_RERANKER = any(system.reranker for system in CONFIG.systems)
SEARCHED_ROLES = ["noise", "reference"]
COLLECTED = ["metrics"] + ([] if IS_PUBLISHED else ["quantities", "reliability"])
TABLES = ["main", "hit_rates", "sample_types"]
if IS_PUBLISHED:
    TABLES += ["interpolation", "artefacts"]
else:
    TABLES += ["conditions", "localisation", "rejection", "median_ranks", "comparisons"]
STEM_SAMPLE_RATE = 22050  # Hz, of the separated stems


def section(part, *left_out):
    """A part of the configuration as plain values; a changed value reruns what was given it."""
    return part.model_dump(mode="json", exclude=set(left_out))


def encoder_shape(wildcards):
    """What an encoder is, without how it is trained."""
    return section(CONFIG.encoders[wildcards.encoder], "training")


def code_of(wildcards):
    """The file of a custom encoder, so that changing it reruns what it was used for."""
    encoder = CONFIG.encoders[wildcards.encoder]
    return [encoder.file] if isinstance(encoder, CustomEncoder) else []


def packed_of(encoder):
    """The packed stems at an encoder's sample rate, shared by all encoders of that rate."""
    return f"{RUN}/stems/packed_{CONFIG.encoders[encoder].front_end.sample_rate}"


def in_store(system, name):
    """A store, or the index, that a system searches with."""
    row = SYSTEMS[system]
    return f"{RUN}/fingerprints/{row.encoder}_{row.weights}/{name}"


def reranker_of(system):
    """The re-ranker's weights, if the system has one."""
    return [f"{RUN}/models/reranker/trained.pt"] if SYSTEMS[system].reranker else []


def reranker_settings(wildcards):
    """What the re-ranker is and how many candidates it sees; None without one."""
    if not SYSTEMS[wildcards.system].reranker:
        return None
    training = (
        "epochs",
        "pairs_per_epoch",
        "batch_pairs",
        "negatives",
        "learning_rate",
    )
    return section(CONFIG.reranker, *training)


def data_files():
    """The catalogue, or the published files."""
    return artefacts(*published_files()) if IS_PUBLISHED else f"{DATA}/tracks.csv"


def known_levels():
    """The table of the samples' levels in the mix; a catalogue may have one."""
    path = f"{DATA}/levels.csv"
    return [path] if IS_DEMO or (IS_CATALOGUE and Path(path).exists()) else []


def trained_models():
    """Folders of everything that is trained, in the order of the configuration."""
    if IS_PUBLISHED:
        return []
    used = {row.encoder for row in CONFIG.systems if row.weights == "trained"}
    if USES_RERANKER:
        used.add(CONFIG.reranker.encoder)
    encoders = [encoder for encoder in CONFIG.encoders if encoder in used]
    names = encoders + (["reranker"] if USES_RERANKER else [])
    return [f"{RUN}/models/{name}" for name in names]


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
        return []
    names = ["hit_rates", "map", "ranks"]
    names += ["conditions", "changes", "localisation", "rejection"]
    names += ["calibration"] if USES_RERANKER else []
    if trained_models():
        names.append("learning_curves")
        names += ["separation"] if IS_DEMO else []
    return names


def artefacts(*names):
    """Folders of published files, each with its record; None is left out."""
    return [f"{RUN}/artefacts/{name}" for name in names if name is not None]


def file_in_folder(name):
    """A published file in the user's folder, so that changing it reruns what it was used for."""
    if CONFIG.data.folder is None:
        return []
    path = Path(CONFIG.data.folder, name)
    return [str(path)] if path.exists() else []


def weight_files():
    """Published weights, each file once."""
    files = [name for row in CONFIG.systems for name in (row.weights, row.reranker)]
    return [name for name in dict.fromkeys(files) if name is not None]


def files_of(systems):
    """Published files that systems need: weights and fingerprints."""
    files = [(row.weights, row.reranker, row.fingerprints) for row in systems]
    return [name for row in files for name in row if name is not None]


def lists_of_queries():
    """Published lists of queries by group; annotations replace them."""
    return [] if CONFIG.data.annotations else list(CONFIG.data.groups.values())


def annotation_files():
    """Tables of the user's Sample100-ext, if any."""
    folder = CONFIG.data.annotations
    return [f"{folder}/{name}" for name in ("samples.csv", "tracks.csv") if folder]


def unpacked(system):
    """The folder of a published system's fingerprints."""
    return f"{RUN}/fingerprints/{SYSTEMS[system].fingerprints}"


def published_files():
    """Every published file of the run, each once."""
    lists = [CONFIG.data.ground_truth, CONFIG.data.query_index, *lists_of_queries()]
    return list(dict.fromkeys([*files_of(CONFIG.systems), *lists]))


def is_optional(wildcards):
    """Whether the run goes on without a published file."""
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
        without.setdefault(name, []).append(f"group {group}")
    return {name: ", ".join(what) for name, what in without.items() if name}


def final_output():
    """Everything that the report consists of."""
    files = ["metrics.csv", "provenance.json"]
    files += [f"tables/{name}.md" for name in TABLES]
    files += [f"figures/{name}.png" for name in figure_names()]
    files += [] if IS_PUBLISHED else ["comparisons.csv", "found_by_one.csv"]
    return [f"{RUN}/report/{file}" for file in files]
