"""What every run has, whatever it is about: its configuration, its folder and its systems."""

from snakemake.exceptions import WorkflowError

from neuralsampleid.config import (
    UpstreamConfig,
    parse_any_config,
    read_values,
    run_named,
)
from neuralsampleid.errors import UserError
from neuralsampleid.threads import wait_passively


def checked(values):
    """The typed configuration, or one line that says what is wrong.

    Snakemake gives what --configfile and --config say; that is merged over config.yaml by the rules
    of config/README.md, and so not by Snakemake, which would mix sections of different kinds.
    """
    # Snakemake documents no way to learn the files' names, which name the run and stand in errors.
    files = [Path(file) for file in getattr(workflow, "overwrite_configfiles", [])]
    if files and "run" not in values:
        values = {"run": run_named(files[-1]), **values}
    source = ", ".join(map(str, files)) or "config.yaml"
    try:
        defaults = read_values(Path(workflow.basedir, "config.yaml"))
        return parse_any_config(values, source, defaults)
    except UserError as error:
        raise WorkflowError(str(error)) from None


CONFIG = checked(config)
RUN = f"results/{CONFIG.run}"
SYSTEMS = {system.name: system for system in CONFIG.systems}
LABELS = {name: system.shown for name, system in SYSTEMS.items()}
CORES = workflow.resource_settings.cores or 1  # a cluster's profile says how many
# Only device: cuda has conda's builds for a GPU, and one GPU asked for by each job that can use one;
# device: auto takes what the job finds.
BUILD = "gpu" if CONFIG.device == "cuda" else "cpu"
GPUS = 1 if CONFIG.device == "cuda" else 0


def section(*parts):
    """Sections of the configuration as plain values; a changed value reruns what was given it."""
    return {
        key: value
        for part in parts
        for key, value in part.model_dump(mode="json").items()
    }


def file_in_folder(name):
    """A file, or files, in the user's folder: changing one reruns what it is used for."""
    if CONFIG.data.folder is None:
        return []
    path = Path(CONFIG.data.folder, name)
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    return [str(file) for file in files if file.is_file()]
