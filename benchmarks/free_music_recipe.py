"""Draw the recipes of the open benchmark's queries, config/free_music_recipe.csv.

Command: ``python benchmarks/free_music_recipe.py AUDIO``, where AUDIO is the folder that a run got
the tracks into (``data.folder`` of config/free_music.yaml). The same seed draws the same recipes;
a drawn table with another seed is another version of the benchmark.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from neuralsampleid.audio.io import read_audio
from neuralsampleid.audio.sound import Waveform
from neuralsampleid.composer.drawing import Studio, draw_query
from neuralsampleid.composer.grades import GRADES
from neuralsampleid.composer.plans import QueryPlan, deal_queries, deal_references
from neuralsampleid.composer.queries import RATE
from neuralsampleid.composer.recipes import QueryRecipe, write_recipes
from neuralsampleid.composer.soundfont import write_soundfont
from neuralsampleid.datasets.free_music_tables import audio_path, read_tracks
from neuralsampleid.files import replacing_file
from neuralsampleid.processes import in_parallel

QUERIES = {"test": 110, "validation": 60, "fitting": 60}  # of each grade


def main() -> None:
    """Write the table, and say which queries could not be drawn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("audio", type=Path, help="folder of the tracks' files")
    parser.add_argument("--tracks", type=Path, default=Path("config/free_music.csv"))
    parser.add_argument("--out", type=Path, default=Path("config/free_music_recipe.csv"))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--decoded", type=Path, help="folder to keep decoded tracks in, 2 GB")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    tracks = read_tracks(options.tracks)
    files = {row["track_id"]: audio_path(row, options.audio) for row in tracks.to_dict("records")}
    plans = [plan for split in QUERIES for plan in plans_of(tracks, split, options.seed)]
    with TemporaryDirectory() as temporary:
        soundfont = write_soundfont((options.decoded or Path(temporary)) / "general_midi.sf2")
        work = partial(draw, options.seed, files, soundfont)
        drawn = in_parallel(work, plans, options.workers)
    write_recipes(options.out, [recipe for recipe in drawn if recipe is not None])
    for plan, recipe in zip(plans, drawn, strict=True):
        if recipe is None:
            print(f"{plan.query_id} could not be drawn", file=sys.stderr)


def plans_of(tracks: pd.DataFrame, split: str, seed: int) -> list[QueryPlan]:
    """The plans of a split, for all grades."""
    rng = np.random.default_rng([seed, list(QUERIES).index(split)])
    own = tracks[tracks["split"] == split]
    catalogue, hosts = (
        own.loc[own["part"] == part, "track_id"].tolist() for part in ("catalogue", "host")
    )
    references = deal_references(rng, catalogue)
    return [
        plan
        for grade in GRADES
        for plan in deal_queries(rng, split, grade, QUERIES[split], references[grade], hosts)
    ]


def draw(seed: int, files: dict[str, Path], soundfont: Path, plan: QueryPlan) -> QueryRecipe | None:
    """Draw one query; what is drawn of it depends on no other."""
    rng = np.random.default_rng([seed, *plan.query_id.encode()])
    studio = Studio(lambda name: decoded(files[name], soundfont.parent), soundfont)
    return draw_query(rng, plan, studio)


def decoded(path: Path, folder: Path) -> Waveform:
    """A whole track, which is kept in a folder so that it is decoded once."""
    kept = folder / f"{path.name}.npy"
    if not kept.is_file():
        with replacing_file(kept) as temporary:
            np.save(temporary, read_audio(path, RATE))
    return np.asarray(np.load(kept, mmap_mode="r"))


if __name__ == "__main__":
    main()
