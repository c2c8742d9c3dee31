"""Whether what the recipes say of every occurrence is so in the sound; see free_music_truth.md.

Command: ``python benchmarks/free_music_truth.py AUDIO``, AUDIO as for free_music_recipe.py. Each
occurrence of the sample's layer alone is brought back to the reference's tempo and pitch. Its
spectrogram (32 bands of 80 to 8000 Hz, dB, every 10 ms, each band less its mean, bands within 30 dB
of the loudest) is correlated with the reference's, at the annotated place and up to 0.5 s beside
it; of the percussive or harmonic part where only that is sampled.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
import pandas as pd
from free_music_recipe import decoded
from scipy.signal import ShortTimeFFT

from neuralsampleid.audio.sound import Waveform
from neuralsampleid.composer.bands import TOLERANCE_DB, band_levels, difference_db
from neuralsampleid.composer.parts import part_of
from neuralsampleid.composer.queries import RATE, render_query
from neuralsampleid.composer.recipes import Place, QueryRecipe, SampleRecipe, read_recipes
from neuralsampleid.composer.soundfont import write_soundfont
from neuralsampleid.composer.treatment import Treatment, cut_and_treat
from neuralsampleid.datasets.free_music_tables import audio_path, read_tracks
from neuralsampleid.processes import in_parallel

NEAR_S = 0.03  # a best place as near as this is the annotated one: three frames
FAR_S = 0.1  # places beside it begin here
TIE = 0.01  # correlations that differ by less are equal
_SIZE, _HOP = 1024, 220  # samples at RATE
_STEPS = 50  # of _HOP beside the annotated place, 0.5 s
_TRANSFORM = ShortTimeFFT.from_window("hann", RATE, _SIZE, _SIZE - _HOP)
_EDGES = np.searchsorted(_TRANSFORM.f, np.geomspace(80, 8000, 33))
_LOUD, _FLOOR = 1e-3, 1e-5  # power: of bands that count, and of the least that is seen
Bands = npt.NDArray[np.float64]  # (bands, frames)


def main() -> None:
    """Print a row per split and grade."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("audio", type=Path, help="folder of the tracks' files")
    parser.add_argument("--tracks", type=Path, default=Path("config/free_music.csv"))
    parser.add_argument("--recipe", type=Path, default=Path("config/free_music_recipe.csv"))
    parser.add_argument("--every", type=int, default=1, help="only each so many-th query")
    parser.add_argument("--decoded", type=Path, help="folder to keep decoded tracks in, 2 GB")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    tracks = read_tracks(options.tracks).to_dict("records")
    files = {row["track_id"]: audio_path(row, options.audio) for row in tracks}
    recipes = read_recipes(options.recipe)[:: options.every]
    with TemporaryDirectory() as temporary:
        soundfont = write_soundfont((options.decoded or Path(temporary)) / "general_midi.sf2")
        parts = in_parallel(partial(measure, files, soundfont), recipes, options.workers)
    table = pd.concat(parts, ignore_index=True)
    print(
        "| split | grade | queries | occurrences | level: largest error (dB) | gains: 95 % within "
        "(dB) | correlation: median | 5 % below | annotated place first or tied (%) | best place "
        f"within {1000 * NEAR_S:.0f} ms (%) | checksum: largest difference (dB) |"
    )
    print("|---|---|" + "---:|" * 9)
    for (split, grade), rows in table.groupby(["split", "grade"], sort=False):
        print(f"| {split} | {grade} | " + " | ".join(cells(rows)) + " |")
    print(f"\n{os.cpu_count()} CPUs; checksums may differ by {TOLERANCE_DB} dB.")


def cells(rows: pd.DataFrame) -> Iterator[str]:
    """What is printed of a grade."""
    yield str(rows["query_id"].nunique())
    yield str(len(rows))
    yield f"{rows['level_error_db'].abs().max():.3f}"
    yield f"{rows['gain_db'].abs().quantile(0.95):.1f}"
    yield f"{rows['annotated'].median():.2f}"
    yield f"{rows['annotated'].quantile(0.05):.2f}"
    yield f"{100 * (rows['annotated'] >= rows['beside'] - TIE).mean():.1f}"
    yield f"{100 * (rows['best_s'].abs() <= NEAR_S).mean():.1f}"
    yield f"{rows['checksum_db'].max():.1f}"


def measure(files: dict[str, Path], soundfont: Path, recipe: QueryRecipe) -> pd.DataFrame:
    """A row per occurrence of a query."""
    query = render_query(recipe, lambda name: decoded(files[name], soundfont.parent), soundfont)
    checksum = difference_db(band_levels(query.audio, RATE), recipe.band_levels_db)
    rows = []
    for sample, layer, gains in zip(recipe.samples, query.layers, query.gains, strict=True):
        reference = decoded(files[sample.reference_id], soundfont.parent)
        for place, gain in zip(sample.places(), gains, strict=True):
            span = slice(*(round(t * RATE) for t in (place.query_start_s, place.query_end_s)))
            over = np.square(layer[span]).mean() / np.square((query.audio - layer)[span]).mean()
            lags, found = correlations(layer[span], reference, place, sample)
            rows.append(
                {
                    "split": recipe.split,
                    "grade": recipe.grade,
                    "query_id": recipe.query_id,
                    "level_error_db": 10 * np.log10(over) - sample.level_db,
                    "gain_db": 20 * np.log10(gain / np.median(gains)),
                    "annotated": found[np.abs(lags) <= NEAR_S].max(),
                    "beside": found[np.abs(lags) >= FAR_S].max(),
                    "best_s": lags[found.argmax()],
                    "checksum_db": checksum,
                }
            )
    return pd.DataFrame(rows)


def correlations(
    heard: Waveform, reference: Waveform, place: Place, sample: SampleRecipe
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Lags (s) about the annotated place, and the correlation at each."""
    change = sample.treatment
    back = Treatment(change.process, 1 / change.tempo_ratio, -change.semitones)
    own = bands(cut_and_treat(heard, RATE, 0.0, len(heard) / RATE, back))
    loud = own.mean(axis=1) > _LOUD * own.mean(axis=1).max()
    begin = round(place.reference_start_s * RATE) - _STEPS * _HOP
    length = round((place.reference_end_s - place.reference_start_s) * RATE) + 2 * _STEPS * _HOP
    around = np.pad(reference, (max(0, -begin), length))[max(0, begin) :][:length]
    around = part_of(around, RATE, sample.part)
    own, other = decibels(own)[loud], decibels(bands(around))[loud]
    found = [correlation(own, other[:, step : step + own.shape[1]]) for step in range(2 * _STEPS)]
    return (np.arange(2 * _STEPS) - _STEPS) * _HOP / RATE, np.array(found)


def bands(audio: Waveform) -> Bands:
    """Power in each band, in frames every ``_HOP`` samples that lie wholly in the audio."""
    edge = _SIZE // 2
    frames = -(-edge // _HOP), (len(audio) - edge) // _HOP + 1
    power = np.square(np.abs(_TRANSFORM.stft(audio, p0=frames[0], p1=frames[1])))
    return np.add.reduceat(power, np.unique(_EDGES), axis=0)[:-1]


def decibels(power: Bands) -> Bands:
    """Not below a floor under the loudest cell."""
    return 10 * np.log10(np.maximum(power, _FLOOR * power.max()))


def correlation(one: Bands, other: Bands) -> float:
    """Pearson's over all cells, each band less its mean."""
    one, other = (cells - cells.mean(axis=1, keepdims=True) for cells in (one, other))
    return float((one * other).sum() / np.sqrt((one**2).sum() * (other**2).sum() + 1e-9))


if __name__ == "__main__":
    main()
