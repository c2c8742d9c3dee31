"""NeuralSampleID bench: automatic sample identification, reproduced and measured.

Imports go down this list only: ``errors``, ``threads``, ``files``, ``config`` ← ``audio`` ←
``data``, ``separation``, ``models`` ← ``training``, ``retrieval`` ← ``evaluation`` ← ``report``.
The library knows nothing of Snakemake.
"""

__version__ = "0.1.0"
