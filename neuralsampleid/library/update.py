"""Bringing a library up to date with a folder of music."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from neuralsampleid.audio.folder import Found, look_for_audio, order_of
from neuralsampleid.audio.tags import read_tags
from neuralsampleid.errors import UserError
from neuralsampleid.files import require_text, sha256_of
from neuralsampleid.library import fingerprint_tables
from neuralsampleid.library.database import is_library
from neuralsampleid.library.finders import SegmentFinder
from neuralsampleid.library.fingerprinter import Fingerprinter, for_new_library, of_library
from neuralsampleid.library.schema import LibraryInfo
from neuralsampleid.library.shards import Shard, folder_of
from neuralsampleid.library.store import (
    File,
    LibraryWriter,
    changing_library,
    create_library,
    name_of,
    open_library,
)
from neuralsampleid.models.weights import Architecture, Graph
from neuralsampleid.progress import progress

_SHOWN = 20  # skipped files that the log names; all are in the summary
_ASKED_S = 20.0  # of the first track, to compile the search
_ATTEMPTS = 2  # after which a file that ended the process each time is skipped
MUCH, _MUCH_SHARE = 10, 0.1  # tracks that are not forgotten unasked, at once


@dataclass
class Summary:
    """What a run did; numbers are of files."""

    unchanged: int = 0
    added: int = 0  # new or changed
    known: int = 0  # of these: their content was there already
    forgotten: int = 0
    kept: int = 0  # not there or not readable now
    skipped: list[tuple[str, str]] = field(default_factory=list)  # path, reason
    notes: list[str] = field(default_factory=list)  # what else a person should know

    def lines(self) -> list[str]:
        """For a person."""
        said = (
            f"{self.added} added ({self.known} of known content), {self.unchanged} unchanged, "
            f"{self.forgotten} forgotten, {len(self.skipped)} skipped"
        )
        shown = [f"skipped {reason}" for _, reason in self.skipped[:_SHOWN]]
        more = len(self.skipped) - len(shown)
        if more:
            endings = Counter(Path(path).suffix.lower() for path, _ in self.skipped[_SHOWN:])
            shown.append(f"skipped {more} more ({_by_ending(endings)})")
        return [said, *shown, *self.notes]


def _by_ending(endings: Counter[str]) -> str:
    return ", ".join(f"{number} {ending or 'other'}" for ending, number in endings.most_common())


def index_music(
    music: Path,
    folder: Path,
    weights: str | None = None,
    architecture: Architecture | None = None,
    graph: Graph | None = None,
    *,
    shard: Shard | None = None,
    files: Sequence[Path] | None = None,
    forget: bool = False,
    drums: bool = False,
    threads: int = 1,
) -> Summary:
    """Make a library of a folder of music, or a shard of one, or bring it up to date.

    Files whose size and time of change are as before are not read; of the others, those whose
    content is known are not fingerprinted. A run that is stopped goes on where it was.

    Args:
        music: every audio file in it and below it.
        folder: of the library, which is of this music alone; shards lie in it.
        weights: by name, see ``weights_file``, or ``landmarks``, which needs none; None: what the
            library was made with, for a new one the shipped weights and landmarks.
        architecture: of upstream weights.
        graph: of ``gnn``.
        shard: that is made, of the files that fall to it; None: a library without shards.
        files: of the music, absolute, which alone are taken, maybe none; None: all.
        forget: all that is gone, however much it is.
        drums: of a new library: find samples of drums alone as well, see ``for_new_library``.
        threads: of the CPU.

    Raises:
        UserError: the folder holds no audio, the library is of another folder or other weights or
            divided in another way, or another process is changing it.
    """
    found = look_for_audio(music) if files is None else Found(sorted(files, key=order_of))
    if not found.files and files is None:
        reasons = [f"{place} cannot be read ({reason})" for place, reason in found.unread[:1]]
        reasons.append("expected at least one audio file")
        raise UserError(f"{music}: holds no audio, {', '.join(reasons)}")
    root, fingerprinter = music.resolve(), None
    require_text(str(root))
    folder = folder_of(folder, shard)
    if shard is not None:
        own = [path for path in found.files if shard.holds(path.relative_to(root))]
        found = replace(found, files=own)
    if not is_library(folder):
        info, fingerprinter = for_new_library(root, weights, architecture, graph, threads, drums)
        create_library(folder, info)
    with changing_library(folder) as writer:
        notes = _follow(writer, folder, root, found.files)
        _require_same(folder, writer.info, architecture, graph, drums)
        if fingerprinter is None:
            info, fingerprinter = of_library(folder, writer.info, weights, threads)
            writer.note(info)
        summary = _update(writer, fingerprinter, root, found, forget)
        summary.notes[:0] = notes
        if shard is not None and not found.files:
            summary.notes.append(f"no file of the music falls to shard {shard}")
        _update_tables(folder, threads)
        _measure_chance(writer, folder, threads)
    return summary


def _follow(writer: LibraryWriter, folder: Path, music: Path, paths: Sequence[Path]) -> list[str]:
    """Let a library follow its music to another folder; returns what is to be said of it."""
    former = Path(writer.info.music)
    if former == music:
        return []
    sizes = {file.size for file in writer.files().values()}
    known = not sizes or any(_is_known(writer, path, sizes) for path in paths)
    if former.is_dir() or not known:
        raise UserError(
            f"{folder}: a library of {former}, expected that folder, or another --out for {music}"
        )
    writer.note(writer.info.model_copy(update={"music": str(music)}))
    return [f"the music was in {former} and is now in {music}"]


def _is_known(writer: LibraryWriter, path: Path, sizes: Set[int]) -> bool:
    try:
        return path.stat().st_size in sizes and writer.track_of(sha256_of(path)) is not None
    except OSError:
        return False


def _require_same(
    folder: Path,
    info: LibraryInfo,
    architecture: Architecture | None,
    graph: Graph | None,
    drums: bool,
) -> None:
    for name, given in (("architecture", architecture), ("graph", graph)):
        made = getattr(info.encoder, name, "landmarks")
        if given is not None and given != made:
            raise UserError(
                f"{folder}: made with {name} '{made}', found '{given}', expected the same, or "
                "another --out"
            )
    has_drums = info.landmarks is not None and info.landmarks.peaks.percussive_n_fft is not None
    if drums and not has_drums:
        raise UserError(f"{folder}: made without --drums, expected the same, or another --out")


def _measure_chance(writer: LibraryWriter, folder: Path, threads: int) -> None:
    """Measure chance anew if tracks have come or gone since it was.

    Not for landmarks: their search takes too long for fifty queries, and they are calibrated.
    """
    encoder, digest = writer.info.encoder, writer.digest()
    if encoder is None or encoder.chance_of == digest:
        return
    library = open_library(folder)
    assert library.fingerprints is not None
    finder = SegmentFinder.of_library(library)
    chance = finder.measure_chance(library.fingerprints, library.sha256, threads)
    update = {"chance": chance, "chance_of": digest}
    encoder = encoder.model_copy(update=update)
    writer.note(writer.info.model_copy(update={"encoder": encoder}))


def _update_tables(folder: Path, threads: int) -> None:
    """Make the tables hold all tracks; and ask one by landmarks, which compiles the search."""
    library = open_library(folder)
    if library.fingerprints is not None:
        fingerprint_tables.update_tables(folder, library.fingerprints, threads)
    tracks, info = library.landmarks, library.info.landmarks
    if tracks is None or info is None:
        return
    # Numba takes half a second to load.
    from neuralsampleid.landmarks.index import LandmarkIndex
    from neuralsampleid.library.tables import update_tables

    update_tables(folder, tracks, info)
    for peaks in tracks[:1]:
        few = peaks.within(0.0, _ASKED_S, info.peaks)
        index = LandmarkIndex.of([few], info.peaks, info.settings)
        index.best(few)
        list(index.lines(few, 0, 0.0))


def _update(
    writer: LibraryWriter, fingerprinter: Fingerprinter, root: Path, found: Found, forget: bool
) -> Summary:
    summary, before, wanted = Summary(), writer.files(), []
    seen, unusable = set(), []
    for path in found.files:
        try:
            file = _described(path, root)
        except (UserError, OSError) as error:
            summary.skipped.append((str(path), str(error)))
            seen.add(name_of(path, root))
            continue
        seen.add(file.path)
        if before.get(file.path) == file:
            summary.unchanged += 1
        else:
            wanted.append((path, file))
    for path, file in progress(wanted, "index"):
        try:
            known = _add(writer, fingerprinter, path, file)
        except (UserError, OSError) as error:
            summary.skipped.append((str(path), " ".join(str(error).split())))
            if isinstance(error, UserError):  # else it may be readable again
                unusable.append(file.path)
            continue
        summary.added += 1
        summary.known += known
    # Only now: until then, a library that is asked holds what it held before.
    gone = _gone(writer, summary, root, before.keys() - seen, found.unread, forget)
    summary.forgotten = len(gone)
    writer.forget([*gone, *unusable])
    writer.tidy()
    _read_missing_tags(writer, root)
    if found.others:
        summary.notes.append(f"left out, as no audio: {_by_ending(found.others)}")
    return summary


def _read_missing_tags(writer: LibraryWriter, root: Path) -> None:
    """Read the tags of tracks that an earlier version added, which kept none."""
    untagged = [(track, root / path) for track, path in writer.untagged()]
    there = [(track, path) for track, path in untagged if path.is_file()]
    read = progress(there, "read tags", quiet=True)
    writer.add_tags({track: read_tags(path) for track, path in read})


def _gone(
    writer: LibraryWriter,
    summary: Summary,
    root: Path,
    missing: Set[str],
    unread: Sequence[tuple[Path, str]],
    forget: bool,
) -> set[str]:
    """Which of the files that were not found are to be forgotten; what is kept is noted."""
    gone = set(missing)
    for place, reason in unread:
        kept = {name for name in gone if (root / name).is_relative_to(place)}
        summary.notes.append(f"{place}: cannot be read ({reason}); {len(kept)} files of it kept")
        summary.kept += len(kept)
        gone -= kept
    lost, tracks = writer.tracks_only_of(gone), writer.tracks_only_of(writer.files().keys())
    if forget or lost <= max(MUCH, _MUCH_SHARE * tracks):
        return gone
    summary.kept += len(gone)
    summary.notes.append(
        f"{len(gone)} files are not there, the first is {root / min(gone)}; they are kept, for a "
        "disk may be missing; if they are gone for good, add --forget"
    )
    return set()


def _described(path: Path, root: Path) -> File:
    name = name_of(path, root)
    require_text(name)
    about = path.stat()
    return File(name, about.st_size, about.st_mtime_ns)


def _add(writer: LibraryWriter, fingerprinter: Fingerprinter, path: Path, file: File) -> bool:
    """Add one file; returns whether its content was known."""
    sha256 = sha256_of(path)
    if writer.add_known(file, sha256):
        return True
    if writer.attempts(file) >= _ATTEMPTS:
        raise UserError(
            f"{path}: nsid ended {_ATTEMPTS} times while it read this file, perhaps for lack of "
            "memory; split the file, or save it again to have it tried anew"
        )
    with writer.attempt(file):
        track = fingerprinter.of_file(path)
    if not track.sounds:
        raise UserError(f"{path}: silent throughout, expected some sound")
    if track.fingerprints is not None and not np.isfinite(track.fingerprints.embeddings).all():
        raise UserError(f"{path}: fingerprints that are not finite, expected other weights")
    writer.add(file, sha256, track)
    return False
