"""NeuralSampleID bench: automatic sample identification, reproduced and measured.

``Library`` finds samples in a person's own music (docs/python.md). docs/architecture.md says what
each package does and which may import which. The library knows nothing of Snakemake.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neuralsampleid.errors import UserError
    from neuralsampleid.library.answer import Answer, Findings, QueryAnswers
    from neuralsampleid.library.identify import Thresholds
    from neuralsampleid.library.interface import Library
    from neuralsampleid.line import Line

__version__ = "0.1.0"
__all__ = ["Answer", "Findings", "Library", "Line", "QueryAnswers", "Thresholds", "UserError"]

# Imported when they are asked for, so that importing the package is quick.
_PLACES = {
    "Answer": "library.answer",
    "Findings": "library.answer",
    "Library": "library.interface",
    "Line": "line",
    "QueryAnswers": "library.answer",
    "Thresholds": "library.identify",
    "UserError": "errors",
}


def __getattr__(name: str) -> object:
    if name not in _PLACES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
