"""What every script does around its library call: a log, threads, and one-line errors."""

import ctypes
import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from neuralsampleid.errors import UserError


@contextmanager
def job(snakemake: Any) -> Iterator[None]:
    """Log to the rule's log file; turn a ``UserError`` into one line and exit status 1."""
    _end_with_parent()
    log = Path(snakemake.log[0])
    log.parent.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(message)s",
        handlers=[logging.FileHandler(log, mode="w")],
        force=True,
    )
    logging.captureWarnings(True)
    # Libraries that tell of every font and event they look at would bury what matters.
    for name in ("matplotlib", "fontTools", "urllib3", "fsspec"):
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        yield
    except UserError as error:
        logging.error("%s", error)
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(1) from None
    except Exception:
        logging.exception("an error of this program, please report it")
        raise


def _end_with_parent() -> None:
    """Be told to end if Snakemake is killed: the next one would repeat this job beside it."""
    if sys.platform != "linux":
        return
    set_parent_death_signal = 1  # PR_SET_PDEATHSIG in <linux/prctl.h>
    ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGTERM)
    # It may have been killed already, while this process imported its libraries.
    if os.getppid() == 1 and b"snakemake" not in Path("/proc/1/cmdline").read_bytes():
        raise SystemExit("error: Snakemake has ended, and so does its job")


def use_threads(snakemake: Any) -> None:
    """Let torch use as many threads as the rule was given."""
    import torch

    torch.set_num_threads(snakemake.threads)
