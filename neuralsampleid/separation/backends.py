"""Which backend makes the stems."""

from __future__ import annotations

from pathlib import Path

from neuralsampleid import config
from neuralsampleid.separation.hpss import Hpss
from neuralsampleid.separation.precomputed import PrecomputedStems
from neuralsampleid.separation.stems import StemSource


def make_separator(
    settings: config.Separation,
    device: config.Device = "auto",
    precision: config.Precision = "auto",
) -> StemSource:
    """The backend that the configuration names; only ``htdemucs`` has a device and a precision.

    Raises:
        UserError: its folder or weights are not there, or a GPU that it shall use.
    """
    if settings.backend == "hpss":
        return Hpss()
    if settings.backend == "precomputed":
        return PrecomputedStems(Path(settings.stems_folder or ""))
    # Demucs and torch take seconds to import, and only this backend needs them.
    from neuralsampleid.devices import resolve_device, resolve_precision
    from neuralsampleid.separation.htdemucs import HtDemucs

    folder = settings.model_folder
    chosen = resolve_device(device)
    return HtDemucs(
        settings.model,
        None if folder is None else Path(folder),
        chosen,
        resolve_precision(precision, chosen),
    )
