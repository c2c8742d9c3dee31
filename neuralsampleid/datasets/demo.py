"""The demo data set: the composer's songs as files of a catalogue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from neuralsampleid.catalogue.formats import SAMPLES
from neuralsampleid.catalogue.tables import (
    OCCURRENCE_COLUMNS,
    TRACK_COLUMNS,
    Catalogue,
    write_catalogue,
)
from neuralsampleid.composer.soundfont import write_soundfont
from neuralsampleid.composer.studio import Studio, plan_tasks, render_track
from neuralsampleid.config import DemoData
from neuralsampleid.files import write_csv, write_json
from neuralsampleid.processes import in_parallel


def make_demo(demo: DemoData, seed: int, folder: Path, workers: int) -> Catalogue:
    """Compose, render and describe the demo data set.

    Writes ``audio/<track id>.flac``, ``true_stems/<track id>/<stem>.flac`` for the training songs,
    ``production.json`` (how each song and sample was made), ``samples.csv`` (how loud samples are),
    and at last ``tracks.csv`` and ``occurrences.csv``. The same seed gives the same bytes for any
    number of workers.

    Args:
        demo: how much music.
        seed: fixes everything.
        folder: where to write; files of the same names are replaced.
        workers: processes.

    Returns:
        The catalogue, with paths relative to ``folder``.
    """
    for name in ("tracks.csv", "occurrences.csv"):
        # What an earlier run wrote must not vouch for the audio of an interrupted one.
        (folder / name).unlink(missing_ok=True)
    with TemporaryDirectory() as temporary:
        soundfont = write_soundfont(Path(temporary) / "general_midi.sf2")
        studio = Studio(demo, seed, soundfont)
        rendered = in_parallel(partial(render_track, studio, folder), plan_tasks(studio), workers)
    catalogue = Catalogue(
        pd.DataFrame([result.track for result in rendered], columns=list(TRACK_COLUMNS)),
        pd.DataFrame(
            [row for result in rendered for row in result.occurrences],
            columns=list(OCCURRENCE_COLUMNS),
        ),
    )
    production = {
        "songs": [result.song for result in rendered],
        "samples": [row for result in rendered for row in result.samples],
    }
    write_json(folder / "production.json", production)
    write_csv(folder / "samples.csv", _levels(production["samples"]))
    write_catalogue(catalogue, folder)
    return catalogue


def _levels(samples: Sequence[Mapping[str, object]]) -> pd.DataFrame:
    """``formats.SAMPLES`` of what was produced."""
    return pd.DataFrame(list(samples))[list(SAMPLES)]
