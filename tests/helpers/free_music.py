"""A small set of free music: packages, the table of tracks, recipes of queries."""

import hashlib
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import soundfile

from helpers.debs import write_deb, zipped
from helpers.songs import song_stems
from neuralsampleid.audio.io import read_audio
from neuralsampleid.composer.bands import band_levels
from neuralsampleid.composer.queries import RATE, render_query
from neuralsampleid.composer.recipes import QueryRecipe, SampleRecipe, write_recipes
from neuralsampleid.composer.treatment import Treatment
from neuralsampleid.config import FreeMusicData
from neuralsampleid.datasets.free_music_tables import TRACKS

# Package → its tracks (split, part), of 12 s each; one package keeps its music in a zip archive.
PACKAGES = {
    "alpha-music": {"al_one": ("test", "catalogue"), "al_two": ("test", "catalogue")},
    "beta-data": {"be_one": ("test", "host")},
    "gamma-data": {f"ga_{number}": ("train", "") for number in range(4)},
    "delta-data": {"de_one": ("fitting", "catalogue"), "de_two": ("test", "catalogue")},
}
ZIPPED = "delta-data"
SECONDS = 12.0


def song(seed: int) -> bytes:
    """An OGG file."""
    stems = song_stems(seed, SECONDS, RATE).sum(axis=1, dtype=np.float32) / 65536
    content = io.BytesIO()
    soundfile.write(content, stems, RATE, format="OGG")
    return content.getvalue()


def write_free_music(folder: Path) -> dict[str, Any]:
    """Packages in ``debs``, both tables, and the values of section ``data``."""
    rows, audio = [], folder / "songs"
    audio.mkdir(parents=True)
    for package, tracks in PACKAGES.items():
        songs = {name: song(len(rows) + place) for place, name in enumerate(tracks)}
        archive = f"usr/share/{package}/all.zip"
        inside = {name: f"usr/share/{package}/{name}.ogg" for name in tracks}
        files = {inside[name]: content for name, content in songs.items()}
        if package == ZIPPED:
            files = {archive: zipped({f"{name}.ogg": songs[name] for name in tracks})}
            inside = {name: f"{archive}!{name}.ogg" for name in tracks}
        write_deb(folder / f"debs/{package}_1.0-1_all.deb", files)
        for name, (split, part) in tracks.items():
            (audio / f"{name}.ogg").write_bytes(songs[name])
            checksum = hashlib.sha256(songs[name]).hexdigest()
            about = (name.title(), package, "CC0-1.0", "copyright", f"{package} {split}")
            rows.append((name, package, inside[name], checksum, *about, split, part, SECONDS))
    pd.DataFrame(rows, columns=list(TRACKS)).to_csv(folder / "tracks.csv", index=False)
    write_recipes(folder / "recipes.csv", recipes(audio))
    return {
        "kind": "free_music",
        "tracks": str(folder / "tracks.csv"),
        "recipe": str(folder / "recipes.csv"),
        "folder": str(folder / "audio"),
        "debs": str(folder / "debs"),
        "training_seconds": 10.0,
    }


def recipes(audio: Path) -> list[QueryRecipe]:
    """Three queries over one host: a loop of al_one, it chopped, and a buried one of de_two."""
    untouched = Treatment("untouched", 1.0, 0.0)
    faster = Treatment("stretch", 1.25, 0.0)
    samples = {
        "loops": SampleRecipe("s1", "al_one", ((2.0, 4.0),), (1.0, 3.0), "mix", untouched, "", 6.0),
        "producer": SampleRecipe(
            "s2", "al_one", ((3.0, 4.0), (1.0, 2.0)), (2.0, 6.0), "mix", faster, "lowpass 3000", 0.0
        ),
        "buried": SampleRecipe("s3", "de_two", ((5.0, 8.0),), (4.0,), "mix", untouched, "", -9.0),
    }
    found = []
    for grade, sample in samples.items():
        query = QueryRecipe(
            f"q_{grade}", "test", grade, 10.0, "be_one", 1.0, "", 0.0, (sample,), ()
        )
        made = render_query(query, lambda name: read_audio(audio / f"{name}.ogg", RATE), Path())
        found.append(replace(query, band_levels_db=band_levels(made.audio, RATE)))
    return found


def settings(values: dict[str, Any], **changes: Any) -> FreeMusicData:
    return FreeMusicData.model_validate(values | changes)
