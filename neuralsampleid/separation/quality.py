"""How close estimated stems come to the true ones."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd

from neuralsampleid.audio.io import audio_info
from neuralsampleid.audio.sound import Waveform
from neuralsampleid.errors import UserError
from neuralsampleid.separation.precomputed import TOLERANCE_S, PrecomputedStems, find_stems
from neuralsampleid.separation.stems import STEMS

QUALITY_COLUMNS = ("track_id", "stem", "si_sdr_db", "mix_si_sdr_db")


def si_sdr(estimate: Waveform, reference: Waveform) -> float:
    """Scale-invariant signal-to-distortion ratio in dB.

    ``10 log10(|αs|² / |αs − ŝ|²)`` with ``α = ⟨ŝ, s⟩ / |s|²``, for the estimate ŝ and the
    reference s (Le Roux et al., "SDR – half-baked or well done?", ICASSP 2019, eq. 4–5).

    Args:
        estimate: (samples,).
        reference: (samples,).

    Returns:
        NaN if the reference is silent, for which it is not defined; -inf if the estimate holds
        nothing of the reference; +inf if it is a multiple of it.
    """
    estimated, true = estimate.astype(np.float64), reference.astype(np.float64)
    energy = float(true @ true)
    if energy == 0:
        return float("nan")
    target = (float(estimated @ true) / energy) * true
    wanted, wrong = float(target @ target), float(np.sum((target - estimated) ** 2))
    if wanted == 0:
        return -float("inf")
    return float("inf") if wrong == 0 else float(10 * np.log10(wanted / wrong))


def stem_quality(estimated: Path, true: Path, track_ids: Iterable[str]) -> pd.DataFrame:
    """SI-SDR of every stem of the given tracks.

    Args:
        estimated: folder of estimated stems, ``<track id>/<stem>.<extension>``.
        true: folder of true stems in the same layout.
        track_ids: which tracks.

    Returns:
        ``QUALITY_COLUMNS``: ``mix_si_sdr_db`` is that of the unprocessed mix (the sum of the true
        stems) taken for the stem, so the difference is what separation gains. Both are NaN where
        the true stem is silent.

    Raises:
        UserError: a stem is missing, or its length is not that of the true one.
    """
    rows = []
    for track_id in track_ids:
        example = find_stems(estimated / track_id)[STEMS[0]]
        rate = audio_info(example).sample_rate
        estimates, truths = (
            PrecomputedStems(folder).stems_of(track_id, example, rate)
            for folder in (estimated, true)
        )
        found, expected = len(estimates[STEMS[0]]), len(truths[STEMS[0]])
        if abs(found - expected) > TOLERANCE_S * rate:
            raise UserError(
                f"{example}: {found / rate:.2f} s, "
                f"expected the {expected / rate:.2f} s of the true stem"
            )
        common = slice(min(found, expected))
        mix = np.sum(list(truths.values()), axis=0)[common]
        for stem in STEMS:
            estimate, truth = estimates[stem][common], truths[stem][common]
            rows.append((track_id, stem, si_sdr(estimate, truth), si_sdr(mix, truth)))
    return pd.DataFrame(rows, columns=list(QUALITY_COLUMNS))


def mean_quality(quality: pd.DataFrame) -> pd.DataFrame:
    """Means over tracks, per stem in the order of ``STEMS``; silent true stems do not count.

    Returns:
        stem, tracks (how many count), si_sdr_db, mix_si_sdr_db.
    """
    audible = quality.dropna(subset=["si_sdr_db"]).groupby("stem")
    means = audible[["si_sdr_db", "mix_si_sdr_db"]].mean()
    means.insert(0, "tracks", audible.size())
    present = [stem for stem in STEMS if stem in means.index]
    return cast(pd.DataFrame, means.loc[present].reset_index())
