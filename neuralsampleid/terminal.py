"""Writing to terminals and files that cannot show every sign."""

from __future__ import annotations

import codecs
import io
import sys

_PLAIN = {"–": "-", "—": "-", "−": "-", "←": "<-", "→": "->", "×": "x", "…": "...", "≤": "<="}
_HANDLER = "nsid"


def write_anywhere() -> None:
    """Let standard output and standard error replace what their encoding does not have.

    Names of files that are not text come out as the bytes that they are, for scripts that read
    them.
    """
    codecs.register_error(_HANDLER, _replaced)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_HANDLER)


def complain(problem: str) -> None:
    """Print a problem as one line on standard error."""
    print(f"nsid: error: {' '.join(problem.split())}", file=sys.stderr)


def _replaced(error: UnicodeError) -> tuple[str | bytes, int]:
    assert isinstance(error, UnicodeEncodeError)
    sign = error.object[error.start]
    if "\udc80" <= sign <= "\udcff":  # a byte of a name, see os.fsdecode
        return bytes([ord(sign) - 0xDC00]), error.start + 1
    return _PLAIN.get(sign, "?"), error.start + 1
