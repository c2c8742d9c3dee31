"""NeuralSampleID bench: automatic sample identification, reproduced and measured.

Imports go down this list only: ``errors``, ``files``, ``config`` ← ``audio`` ← ``data``,
``separation``, ``models`` ← ``training``, ``retrieval`` ← ``evaluation`` ← ``report``.
The library knows nothing of Snakemake.
"""

import os

# Read when torch loads. A thread that spins while it waits for another one keeps that one from
# running where other work shares the cores; see benchmarks/fingerprinting.md.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

__version__ = "0.1.0"
