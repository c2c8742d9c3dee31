"""What every script does around its library call: a log, threads, and one-line errors."""

import errno
import logging
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from neuralsampleid.errors import UserError
from neuralsampleid.processes import (
    end_with_parent,
    is_first_process,
    keep_freed_memory,
    slurm_tasks,
)


def _without_interrupts(kind: Any, error: BaseException, trace: Any) -> None:
    """Ctrl-C stops all jobs; Snakemake says so once."""
    if not issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)


sys.excepthook = _without_interrupts
_FULL = {errno.ENOSPC, errno.EDQUOT}  # no room on the disk, or none left to this user


@contextmanager
def job(snakemake: Any) -> Iterator[None]:
    """Log to the rule's log file; turn a ``UserError`` into one line and exit status 1.

    A training on several devices runs its script once for each; the first one's log is the rule's,
    the others add what went wrong.
    """
    _end_with_parent()
    log = Path(snakemake.log[0])
    log.parent.mkdir(parents=True, exist_ok=True)
    first = is_first_process()
    logging.basicConfig(
        level=logging.INFO if first else logging.WARNING,
        format="%(asctime)s %(levelname)s %(message)s",
        handlers=[
            logging.FileHandler(log, "w" if first else "a", "utf-8", errors="backslashreplace")
        ],
        force=True,
    )
    logging.captureWarnings(True)
    logging.raiseExceptions = False  # a log that cannot be written must not bury the error
    # Libraries that tell of every font and event they look at would bury what matters.
    for name in ("faiss", "matplotlib", "fontTools", "urllib3", "fsspec"):
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        yield
    except UserError as error:
        _stop(str(error))
    except OSError as error:
        if error.errno not in _FULL:
            logging.exception("an error of this program, please report it")
            raise
        _stop(
            f"{snakemake.output[0]}: cannot be made ({error.strerror}); what was finished is kept, "
            "expected room on the disk for the rest"
        )
    except Exception:
        logging.exception("an error of this program, please report it")
        raise


def wants_tasks(snakemake: Any) -> bool:
    """Whether a profile asks for an MPI job, and this is not one of its tasks already.

    It asks by the resource ``mpi``: the command that starts the tasks, such as
    ``srun --nodes=2 --ntasks-per-node=4``. Snakemake runs the script itself outside of all tasks.
    """
    return bool(snakemake.resources.get("mpi")) and slurm_tasks() == 0


def run_tasks(snakemake: Any) -> None:
    """Run this script once in each task of an MPI job, with the status of the worst."""
    command = [*shlex.split(snakemake.resources.mpi), sys.executable, *sys.argv]
    status = subprocess.run(command, check=False).returncode
    if status:
        raise SystemExit(status)


def _stop(message: str) -> NoReturn:
    """Print and log one line; a full disk may hold the log, too."""
    logging.error("%s", message)
    print(f"error: {message}", file=sys.stderr)
    raise SystemExit(1) from None


def _end_with_parent() -> None:
    """Be told to end if Snakemake is killed: the next one would repeat this job beside it."""
    end_with_parent(signal.SIGTERM)
    # It may have been killed already, while this process imported its libraries.
    if (
        sys.platform == "linux"
        and os.getppid() == 1
        and b"snakemake" not in Path("/proc/1/cmdline").read_bytes()
    ):
        raise SystemExit("error: Snakemake has ended, and so does its job")


def use_threads(snakemake: Any) -> None:
    """Let torch use as many threads as the rule was given, and reuse its memory."""
    import torch

    keep_freed_memory()
    torch.set_num_threads(snakemake.threads)
