"""Bringing a catalogue up to date with a folder of music."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from neuralsampleid.audio.folder import audio_files
from neuralsampleid.errors import UserError
from neuralsampleid.files import sha256_of
from neuralsampleid.library.fingerprinters import (
    LANDMARKS,
    Fingerprinter,
    calibration_by,
    fingerprinter_by,
    fingerprinter_for_new,
    weights_of_catalogue,
)
from neuralsampleid.library.identify import finder_of, measure_chance
from neuralsampleid.library.store import (
    CollectionWriter,
    File,
    changing_collection,
    create_collection,
    is_collection,
    open_collection,
)
from neuralsampleid.models.weights import Architecture, Graph
from neuralsampleid.progress import progress

_LOG = logging.getLogger(__name__)
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
    catalogue: Path,
    weights: str | None = None,
    architecture: Architecture | None = None,
    graph: Graph | None = None,
    *,
    threads: int = 1,
) -> Summary:
    """Make a catalogue of a folder, or bring it up to date, for all systems that serve a listener.

    A new one without ``weights`` gets the default model's fingerprints and, in a catalogue inside
    of it, landmarks: what either finds, the other may miss. With ``weights`` it is
    ``index_folder``'s, whose arguments and errors these are.
    """
    both = weights is None and not is_collection(catalogue)
    summary = index_folder(
        music, catalogue, weights, architecture, graph, with_landmarks=both, threads=threads
    )
    if open_collection(catalogue).about.get("with_landmarks"):
        known = LANDMARKS if not is_collection(catalogue / LANDMARKS) else None
        second = index_folder(music, catalogue / LANDMARKS, known, threads=threads)
        told = {path for path, _ in summary.skipped}
        summary.skipped += [one for one in second.skipped if one[0] not in told]
    return summary


def index_folder(
    music: Path,
    catalogue: Path,
    weights: str | None = None,
    architecture: Architecture | None = None,
    graph: Graph | None = None,
    *,
    with_landmarks: bool = False,
    threads: int = 1,
) -> Summary:
    """Make a catalogue of a folder, or bring it up to date, for one system.

    Files whose size and time of change are as before are not read; of the others, those whose
    content is known are not fingerprinted. A run that is stopped goes on where it was.

    Args:
        music: every audio file in it and below it.
        catalogue: the folder of the catalogue; of this music alone.
        weights: by name, see ``weights_file``, or ``landmarks``, which needs none; None: what the
            catalogue was made with, for a new one the default model.
        architecture: of published weights.
        graph: of ``gnn``.
        with_landmarks: what a new catalogue notes, see ``index_music``.
        threads: of the search by which chance is measured.

    Raises:
        UserError: the folder holds no audio, the catalogue is of another folder or other
            weights, or another process is changing it.
    """
    paths = audio_files(music)
    if not paths:
        raise UserError(f"{music}: holds no audio, expected at least one file")
    root = music.resolve()
    if is_collection(catalogue):
        with changing_collection(catalogue) as writer:
            if writer.about["music"] != str(root):
                raise UserError(
                    f"{catalogue}: a catalogue of {writer.about['music']}, expected that folder, "
                    f"or another --out for {root}"
                )
            file = weights_of_catalogue(catalogue, writer.about, weights)
            fingerprinter = fingerprinter_by(file, writer.about)
            _require_same(catalogue, writer, architecture, graph)
            writer.note("calibration", calibration_by(file))
            summary = _update(writer, fingerprinter, root, paths)
            _measure(writer, catalogue, threads)
        return summary
    fingerprinter, about = fingerprinter_for_new(weights, architecture, graph)
    noted = {"music": str(root), "with_landmarks": with_landmarks}
    create_collection(catalogue, {**about, **noted})
    with changing_collection(catalogue) as writer:
        summary = _update(writer, fingerprinter, root, paths)
        _measure(writer, catalogue, threads)
    return summary


def _measure(writer: CollectionWriter, catalogue: Path, threads: int) -> None:
    """Measure chance anew if tracks have come or gone since it was.

    Not for landmarks: their search takes too long for fifty queries, and they are calibrated.
    """
    if writer.about["architecture"] == LANDMARKS:
        return
    contents = writer.contents()
    if writer.about.get("chance_contents") != contents:
        chance = measure_chance(finder_of(open_collection(catalogue)), threads)
        writer.note("chance", chance.as_json() if chance else None)
        writer.note("chance_contents", contents)


def _require_same(
    catalogue: Path,
    writer: CollectionWriter,
    architecture: Architecture | None,
    graph: Graph | None,
) -> None:
    for name, given in (("architecture", architecture), ("graph", graph)):
        if given is not None and given != writer.about[name]:
            raise UserError(
                f"{catalogue}: made with {name} '{writer.about[name]}', found '{given}', "
                "expected the same, or another --out"
            )


def _update(
    writer: CollectionWriter, fingerprinter: Fingerprinter, root: Path, paths: Sequence[Path]
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
    task = f"index by {writer.about['architecture']}"
    for path, file in progress(wanted, task):
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


def _add(writer: CollectionWriter, fingerprinter: Fingerprinter, path: Path, file: File) -> bool:
    """Add one file; returns whether its content was known."""
    sha256 = sha256_of(path)
    known = writer.has_content(sha256)
    if not known:
        track = fingerprinter.of_file(path)
        if not len(track.numbers):
            raise UserError(f"{path}: silent throughout, expected some sound")
        if not np.isfinite(track.embeddings).all():
            raise UserError(f"{path}: fingerprints that are not finite, expected other weights")
        writer.add_content(sha256, track.starts_s, track.embeddings, track.seconds)
    writer.add_file(file, sha256)
    return known
