"""Which backend gives the stems."""

from __future__ import annotations

from pathlib import Path

from neuralsampleid import config
from neuralsampleid.separation.hpss import Hpss
from neuralsampleid.separation.precomputed import PrecomputedStems
from neuralsampleid.separation.stems import StemSource


def make_separator(settings: config.Separation) -> StemSource:
    """The backend that the configuration names.

    Raises:
        UserError: its folder or weights are not there.
    """
    if settings.backend == "hpss":
        return Hpss()
    if settings.backend == "precomputed":
        return PrecomputedStems(Path(settings.stems_folder or ""))
    # Demucs and torch take seconds to import, and only this backend needs them.
    from neuralsampleid.separation.htdemucs import HtDemucs

    folder = settings.model_folder
    return HtDemucs(settings.model, None if folder is None else Path(folder))
