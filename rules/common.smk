"""Which files, and which sections of the configuration, the rules need."""

from functools import cache

from snakemake.exceptions import WorkflowError

from neuralsampleid.catalogue.shards import shard_names
from neuralsampleid.config import UpstreamConfig, ablation_run, network, read_run
from neuralsampleid.datasets.own_music import state_of_files
from neuralsampleid.datasets.planning import planned_tracks
from neuralsampleid.errors import UserError
from neuralsampleid.files import own_files
from neuralsampleid.models.weights import weights_file
from neuralsampleid.processes import wait_passively
from neuralsampleid.report.contents import FORMATS, figures_of, files_of, tables_of


def told(function, *arguments):
    """What a function of the library returns, or one line that says what is wrong."""
    try:
        return function(*arguments)
    except UserError as error:
        raise WorkflowError(str(error)) from None


wait_passively()  # all jobs inherit it
# Snakemake documents no way to learn the files' names, which name the run and stand in errors.
FILES = [Path(file) for file in getattr(workflow, "overwrite_configfiles", [])]
CONFIG = told(read_run, config, FILES, Path(workflow.basedir, "config.yaml"))
RUN = f"results/{CONFIG.run}"
SYSTEMS = {row.name: row for row in CONFIG.rows}  # and bounds
LABELS = {name: system.shown for name, system in SYSTEMS.items()}
IS_DEMO = CONFIG.data.kind == "demo"
DATA = CONFIG.data.folder if CONFIG.data.kind == "catalogue" else f"{RUN}/data"
# Only device: cuda has conda's builds for a GPU, and a GPU for each job that can use one.
BUILD = "gpu" if CONFIG.device == "cuda" else "cpu"
GPUS = 1 if CONFIG.device == "cuda" else 0


def section(*parts):
    """Sections of the configuration as plain values; a changed value reruns what was given it."""
    return {k: v for part in parts for k, v in part.model_dump(mode="json").items()}


def attempts(first):
    """A resource that grows with every attempt of a job."""
    return lambda wildcards, attempt: attempt * first


def pattern(names):
    """A wildcard's pattern: one of these names, or nothing if there are none."""
    return "|".join(names) or "(?!)"


@cache
def tracks():
    """How many tracks of each role there are, before any job has run."""
    return told(planned_tracks, CONFIG.data)


def shards(role):
    """Names of the parts into which the tracks of a role are divided, each for one job."""
    sizes = CONFIG.shards
    size = sizes.separation if role == "train" else sizes.fingerprinting
    return shard_names(tracks()[role], size)


def shard_count(wildcards):
    """Number of parts of the role that a job is about."""
    return len(shards(getattr(wildcards, "role", "train")))


def searched_roles():
    """Roles whose tracks are ranked; there may be no noise."""
    return ["noise", "reference"] if tracks()["noise"] else ["reference"]


def encoder(wildcards):
    """The section of a job's encoder: its own, or that of its re-ranker."""
    reranker = getattr(wildcards, "reranker", None)
    name = CONFIG.rerankers[reranker].encoder if reranker else wildcards.encoder
    return CONFIG.encoders[name]


def reranker(wildcards):
    """The section of a job's re-ranker: its own, or that of its system; None if it has none."""
    own = getattr(wildcards, "reranker", None)
    return CONFIG.rerankers.get(own or SYSTEMS[wildcards.system].reranker)


def values_of(model, *parts):
    """A function of wildcards: what a job's model is, with some parts of its section."""

    def values(wildcards):
        found = model(wildcards)
        return found and network(found) | {
            part: section(getattr(found, part)) for part in parts
        }

    return values


def code(wildcards):
    """The file of a custom encoder, so that changing it reruns what it was used for."""
    return getattr(encoder(wildcards), "file", [])


def packed(wildcards):
    """What an encoder is trained on: stems, shared by all of a sample rate, or their levels."""
    folder = encoder(wildcards).packed(wildcards.get("encoder"))
    return expand(f"{RUN}/stems/{folder}/{{shard}}", shard=shards("train"))


def pretrained_weights(wildcards):
    """The file of an encoder's pretrained weights."""
    return str(told(weights_file, encoder(wildcards).weights))


def reranker_weights(wildcards):
    """The weights of a system's re-ranker, if it has one."""
    name = SYSTEMS[wildcards.system].reranker
    return [f"{RUN}/models/{name}/trained.pt"] if name else []


def fingerprints(wildcards):
    """The folder of the fingerprints that a job is about: its system's, or its encoder's."""
    system = SYSTEMS.get(getattr(wildcards, "system", None))
    own = f"{wildcards.get('encoder')}_{wildcards.get('weights', 'trained')}"
    return CONFIG.fingerprints_of(system) if system else own


def stores(name, roles):
    """The fingerprint stores of some roles in a folder, one per shard."""
    folder = f"{RUN}/fingerprints/{name}"
    return [f"{folder}/{role}/{shard}" for role in roles for shard in shards(role)]


def query_stores(wildcards):
    """The fingerprints of the queries."""
    return stores(fingerprints(wildcards), ["query"])


def searched_stores(wildcards):
    """The fingerprints of noise and references."""
    return stores(fingerprints(wildcards), searched_roles())


def index(wildcards):
    """The FAISS index of the fingerprints that a job searches."""
    return f"{RUN}/fingerprints/{fingerprints(wildcards)}/index.faiss"
