"""Bringing a library up to date with a folder of music."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from neuralsampleid.audio.folder import audio_files
from neuralsampleid.errors import UserError
from neuralsampleid.files import sha256_of
from neuralsampleid.library.finders import SegmentFinder, finders_of
from neuralsampleid.library.fingerprinter import Fingerprinter, for_new_library, of_library
from neuralsampleid.library.schema import LibraryInfo
from neuralsampleid.library.store import (
    File,
    LibraryWriter,
    Track,
    changing_library,
    create_library,
    is_library,
    open_library,
)
from neuralsampleid.models.weights import Architecture, Graph
from neuralsampleid.progress import progress

_SHOWN = 20  # skipped files that the log names; all are in the summary


@dataclass
class Summary:
    """What a run did; numbers are of files."""

    unchanged: int = 0
    added: int = 0  # new or changed
    known: int = 0  # of these: their content was there already
    forgotten: int = 0
    skipped: list[tuple[str, str]] = field(default_factory=list)  # path, reason

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
            kinds = ", ".join(f"{number} {ending}" for ending, number in endings.most_common())
            shown.append(f"skipped {more} more ({kinds})")
        return [said, *shown]


def index_music(
    music: Path,
    folder: Path,
    weights: str | None = None,
    architecture: Architecture | None = None,
    graph: Graph | None = None,
    *,
    threads: int = 1,
) -> Summary:
    """Make a library of a folder of music, or bring it up to date.

    Files whose size and time of change are as before are not read; of the others, those whose
    content is known are not fingerprinted. A run that is stopped goes on where it was.

    Args:
        music: every audio file in it and below it.
        folder: of the library, which is of this music alone.
        weights: by name, see ``weights_file``, or ``landmarks``, which needs none; None: what the
            library was made with, for a new one the shipped weights and landmarks.
        architecture: of upstream weights.
        graph: of ``gnn``.
        threads: of the search by which chance is measured.

    Raises:
        UserError: the folder holds no audio, the library is of another folder or other weights, or
            another process is changing it.
    """
    paths = audio_files(music)
    if not paths:
        raise UserError(f"{music}: holds no audio, expected at least one file")
    root, fingerprinter = music.resolve(), None
    if not is_library(folder):
        info, fingerprinter = for_new_library(root, weights, architecture, graph)
        create_library(folder, info)
    with changing_library(folder) as writer:
        _require_same(folder, writer.info, root, architecture, graph)
        if fingerprinter is None:
            info, fingerprinter = of_library(folder, writer.info, weights)
            writer.note(info)
        summary = _update(writer, fingerprinter, root, paths)
        _measure_chance(writer, folder, threads)
    return summary


def _require_same(
    folder: Path,
    info: LibraryInfo,
    music: Path,
    architecture: Architecture | None,
    graph: Graph | None,
) -> None:
    if info.music != str(music):
        raise UserError(
            f"{folder}: a library of {info.music}, expected that folder, or another --out for "
            f"{music}"
        )
    for name, given in (("architecture", architecture), ("graph", graph)):
        made = getattr(info.encoder, name, "landmarks")
        if given is not None and given != made:
            raise UserError(
                f"{folder}: made with {name} '{made}', found '{given}', expected the same, or "
                "another --out"
            )


def _measure_chance(writer: LibraryWriter, folder: Path, threads: int) -> None:
    """Measure chance anew if tracks have come or gone since it was.

    Not for landmarks: their search takes too long for fifty queries, and they are calibrated.
    """
    encoder, digest = writer.info.encoder, writer.digest()
    if encoder is None or encoder.chance_of == digest:
        return
    finder = finders_of(open_library(folder))[0]
    assert isinstance(finder, SegmentFinder)
    update = {"chance": finder.measure_chance(threads), "chance_of": digest}
    encoder = encoder.model_copy(update=update)
    writer.note(writer.info.model_copy(update={"encoder": encoder}))


def _update(
    writer: LibraryWriter, fingerprinter: Fingerprinter, root: Path, paths: Sequence[Path]
) -> Summary:
    summary, before, wanted = Summary(), writer.files(), []
    seen = set()
    for path in paths:
        try:
            file = _described(path, root)
        except (UserError, OSError) as error:
            summary.skipped.append((str(path), str(error)))
            continue
        seen.add(file.path)
        if before.get(file.path) == file:
            summary.unchanged += 1
        else:
            wanted.append((path, file))
    # A changed file's old content would be an answer that is no longer there.
    stale = [file.path for _, file in wanted if file.path in before]
    gone = sorted(before.keys() - seen)
    summary.forgotten = len(gone)
    writer.forget([*gone, *stale])
    for path, file in progress(wanted, "index"):
        try:
            known = _add(writer, fingerprinter, path, file)
        except (UserError, OSError) as error:
            summary.skipped.append((str(path), " ".join(str(error).split())))
            continue
        summary.added += 1
        summary.known += known
    writer.tidy()
    return summary


def _described(path: Path, root: Path) -> File:
    name = str(path.relative_to(root))
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise UserError(f"{name!r}: the name is not UTF-8, expected one that is") from error
    about = path.stat()
    return File(name, about.st_size, about.st_mtime_ns)


def _add(writer: LibraryWriter, fingerprinter: Fingerprinter, path: Path, file: File) -> bool:
    """Add one file; returns whether its content was known."""
    sha256 = sha256_of(path)
    if writer.add_known(file, sha256):
        return True
    track = fingerprinter.of_file(path)
    if not _sounds(track):
        raise UserError(f"{path}: silent throughout, expected some sound")
    if track.fingerprints is not None and not np.isfinite(track.fingerprints.embeddings).all():
        raise UserError(f"{path}: fingerprints that are not finite, expected other weights")
    writer.add(file, sha256, track)
    return False


def _sounds(track: Track) -> bool:
    peaks = track.landmarks
    return bool(track.fingerprints) or (peaks is not None and len(peaks.frames) > 0)
