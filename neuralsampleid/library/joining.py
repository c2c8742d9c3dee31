"""Several libraries as one: the shards of a library, other disks, other people's.

What is found is what a library made at once of all the music would find: tracks have its order, and
limits hold for all together. Only chance is not measured anew (``Chance.together``), and tables of
fingerprints, which miss a few, are of other tracks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from neuralsampleid.audio.folder import order_of
from neuralsampleid.errors import UserError
from neuralsampleid.library.chance import Chance
from neuralsampleid.library.schema import LibraryInfo
from neuralsampleid.library.shards import folders_of
from neuralsampleid.library.store import Contents, Library, open_library, read_contents

# Of what libraries say of themselves: it changes nothing that is made of a track.
_MAY_DIFFER = {"music", "weights", "calibration", "chance", "chance_of"}


def open_libraries(folders: Iterable[Path]) -> Library:
    """Open libraries, each with all its shards, as one.

    Where they are of several folders of music, paths of files are absolute.

    Args:
        folders: at least one.

    Raises:
        UserError: one is no library or lacks a shard, or they were made in different ways.
    """
    parts = [part for folder in folders for part in folders_of(folder)]
    return _join({part: open_library(part) for part in parts})


def contents_of(folder: Path) -> Contents:
    """What a library holds, with all its shards; contents that several shards hold count for each.

    Raises:
        UserError: as ``open_libraries``.
    """
    parts = folders_of(folder)
    held = {part: read_contents(part) for part in parts}
    _require_alike({part: each.info for part, each in held.items()})
    every = list(held.values())
    return replace(
        every[0],
        tracks=sum(each.tracks for each in every),
        files=sum(each.files for each in every),
        seconds=sum(each.seconds for each in every),
        size=sum(each.size for each in every),
        changed=max(each.changed for each in every),
        shards=0 if parts == [folder] else len(parts),
    )


def _join(libraries: Mapping[Path, Library]) -> Library:
    parts = list(libraries.values())
    if len(parts) == 1:
        return parts[0]
    _require_alike({folder: library.info for folder, library in libraries.items()})
    several = len({part.info.music for part in parts}) > 1
    paths: dict[str, set[str]] = {}
    kept: dict[str, tuple[float, tuple[Path, int]]] = {}  # length and place, by content
    for part in parts:
        rows = zip(part.sha256, part.paths, part.seconds.tolist(), part.places, strict=True)
        for sha256, own, seconds, place in rows:
            names = (str(Path(part.info.music, path)) if several else path for path in own)
            paths.setdefault(sha256, set()).update(names)
            kept.setdefault(sha256, (seconds, place))
    order = sorted(paths, key=lambda sha256: min(map(order_of, paths[sha256])))
    return Library(
        _info_of(parts),
        [sorted(paths[sha256]) for sha256 in order],
        order,
        np.array([kept[sha256][0] for sha256 in order], float),
        [kept[sha256][1] for sha256 in order],
        {sha256: tags for part in parts for sha256, tags in part.tags.items()},
    )


def _info_of(parts: Sequence[Library]) -> LibraryInfo:
    """The first one's, with the chance of all."""
    info = parts[0].info
    if info.encoder is None:
        return info
    measured = [(part.info.encoder.chance, len(part.sha256)) for part in parts if part.info.encoder]
    encoder = info.encoder.model_copy(update={"chance": Chance.together(measured)})
    return info.model_copy(update={"encoder": encoder})


def _require_alike(infos: Mapping[Path, LibraryInfo]) -> None:
    """Refuse libraries whose tracks were made in different ways.

    Raises:
        UserError: some were.
    """
    (first, expected), *others = ((folder, dict(_made(info))) for folder, info in infos.items())
    for folder, found in others:
        for name in [*expected, *found]:
            its, own = found.get(name), expected.get(name)
            if its != own:
                raise UserError(
                    f"{folder}: {name} is {its}, but {own} in {first}; expected libraries that "
                    "were made alike: make one of them anew"
                )


def _made(info: LibraryInfo) -> Iterator[tuple[str, object]]:
    """Names and values of all by which tracks are made."""
    systems = {"fingerprints": info.encoder, "landmarks": info.landmarks}
    yield "systems", " and ".join(name for name, made in systems.items() if made is not None)
    yield from _flat(info.model_dump(), "")


def _flat(values: Mapping[str, object], place: str) -> Iterator[tuple[str, object]]:
    for name, value in values.items():
        if isinstance(value, dict) and name not in _MAY_DIFFER:
            yield from _flat(value, f"{place}{name}.")
        elif name not in _MAY_DIFFER:
            yield place + name, value
