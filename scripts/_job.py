"""What every script does around its library call: a log, threads, and one-line errors."""

import errno
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from neuralsampleid.errors import UserError

_FULL = {errno.ENOSPC, errno.EDQUOT}  # no room on the disk, or none left to this user


@contextmanager
def job(snakemake: Any) -> Iterator[None]:
    """Log to the rule's log file; turn a ``UserError`` into one line and exit status 1."""
    log = Path(snakemake.log[0])
    log.parent.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(message)s",
        handlers=[logging.FileHandler(log, mode="w")],
        force=True,
    )
    logging.captureWarnings(True)
    logging.raiseExceptions = False  # a log that cannot be written must not bury the error
    # Libraries that tell of every font and event they look at would bury what matters.
    for name in ("matplotlib", "fontTools", "urllib3", "fsspec"):
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


def _stop(message: str) -> NoReturn:
    """Print and log one line; a full disk may hold the log, too."""
    logging.error("%s", message)
    print(f"error: {message}", file=sys.stderr)
    raise SystemExit(1) from None


def use_threads(snakemake: Any) -> None:
    """Let torch use as many threads as the rule was given."""
    import torch

    torch.set_num_threads(snakemake.threads)
