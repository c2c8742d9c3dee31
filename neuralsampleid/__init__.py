"""NeuralSampleID bench: automatic sample identification, reproduced and measured.

docs/architecture.md says what each package does and which may import which. The library knows
nothing of Snakemake.
"""

__version__ = "0.1.0"
