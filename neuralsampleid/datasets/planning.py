"""How many tracks a data set has, told before any of it is made, fetched or read."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from neuralsampleid.config import (
    AnyData,
    CatalogueData,
    DemoData,
    FmaData,
    FreeMusicData,
    OwnMusicData,
    RelationsData,
)

Roles = dict[str, int]

# pandas and what reads audio are needed for some kinds only, and every Snakemake process plans.


def planned_tracks(settings: AnyData) -> Roles:
    """Number of tracks of each role; of a user's audio files only the names are looked at.

    Raises:
        UserError: a folder or table is missing or wrong.
    """
    if isinstance(settings, DemoData):
        return {
            "train": settings.training_songs,
            "query": settings.queries,
            "reference": settings.references,
            "noise": settings.noise_songs,
        }
    if isinstance(settings, FmaData):
        from neuralsampleid.datasets.fma import planned_clips

        return planned_tracks(settings.evaluation) | {"train": planned_clips(settings)}
    if isinstance(settings, CatalogueData):
        from neuralsampleid.catalogue.tables import read_catalogue

        folder = Path(settings.folder)
        roles = Counter(read_catalogue(folder, within_tracks=True).tracks["role"])
    elif isinstance(settings, OwnMusicData):
        from neuralsampleid.datasets.own_music import own_files

        roles = Counter(file.role for file in own_files(settings))
    elif isinstance(settings, RelationsData):
        from neuralsampleid.datasets.relations import roles_of

        roles = Counter(roles_of(settings))
    elif isinstance(settings, FreeMusicData):
        from neuralsampleid.datasets.free_music_tables import planned_free_music

        roles = Counter(planned_free_music(settings))
    else:
        from neuralsampleid.datasets.sample100 import find_sample100

        roles = Counter(find_sample100(settings)["role"])
    return {role: roles[role] for role in ("train", "query", "reference", "noise")}
