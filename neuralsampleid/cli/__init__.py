"""``nsid``: a library of own music, and evaluations, on the command line without Snakemake.

A command is a file: ``add`` declares its options, ``run`` calls the library with them. Errors that
a person can mend are one line on standard error and exit status 1; wrong usage is status 2; Ctrl-C
is one line and status 130; where nobody reads the answers on, it ends with status 141.
"""

from neuralsampleid.cli.program import main

__all__ = ["main"]
