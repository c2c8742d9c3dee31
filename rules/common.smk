"""Which files, and which part of the configuration, the workflow needs where."""

from snakemake.exceptions import WorkflowError

from neuralsampleid.config import CatalogueData, DemoData, parse_config
from neuralsampleid.errors import UserError


def checked(values):
    """The typed configuration with its defaults, or one line that says what is wrong."""
    source = ", ".join(str(file) for file in workflow.configfiles) or "configuration"
    try:
        return parse_config(values, source)
    except UserError as error:
        raise WorkflowError(str(error)) from None


CONFIG = checked(config)
RUN = f"results/{CONFIG.run}"
IS_DEMO = isinstance(CONFIG.data, DemoData)
IS_CATALOGUE = isinstance(CONFIG.data, CatalogueData)
DATA = CONFIG.data.folder if IS_CATALOGUE else f"{RUN}/data"
SYSTEMS = {system.name: system for system in CONFIG.systems}
USES_RERANKER = any(system.reranker for system in CONFIG.systems)
SEARCHED_ROLES = ["noise", "reference"]
TABLES = ["main", "hit_rates", "sample_types"]
STEM_SAMPLE_RATE = 22050  # Hz, of the separated stems


def section(part, *left_out):
    """A part of the configuration as plain values; a changed value reruns what was given it."""
    return part.model_dump(mode="json", exclude=set(left_out))


def encoder_shape(wildcards):
    """What an encoder is, without how it is trained."""
    return section(CONFIG.encoders[wildcards.encoder], "training")


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


def trained_models():
    """Folders of everything that is trained, in the order of the configuration."""
    used = {row.encoder for row in CONFIG.systems if row.weights == "trained"}
    if USES_RERANKER:
        used.add(CONFIG.reranker.encoder)
    encoders = [encoder for encoder in CONFIG.encoders if encoder in used]
    names = encoders + (["reranker"] if USES_RERANKER else [])
    return [f"{RUN}/models/{name}" for name in names]


def figure_names():
    """Figures of the report; what was not trained or separated cannot be drawn."""
    names = ["hit_rates", "map", "ranks"]
    if trained_models():
        names.append("learning_curves")
        names += ["separation"] if IS_DEMO else []
    return names


def final_output():
    """Everything that the report consists of."""
    files = ["metrics.csv", "provenance.json"]
    files += [f"tables/{name}.md" for name in TABLES]
    files += [f"figures/{name}.png" for name in figure_names()]
    return [f"{RUN}/report/{file}" for file in files]
