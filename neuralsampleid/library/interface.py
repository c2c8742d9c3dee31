"""The Python API: a library of a person's own music as one object; see docs/python.md."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from neuralsampleid.audio.ffmpeg import usable
from neuralsampleid.audio.sound import BLOCK, mixed
from neuralsampleid.errors import UserError
from neuralsampleid.files import sha256_of
from neuralsampleid.library.answer import Findings, QueryAnswers
from neuralsampleid.library.fingerprinter import Fingerprinter
from neuralsampleid.library.identify import DEFAULT, Identifier, Thresholds, require_enough
from neuralsampleid.library.questions import Source, samples_within, uses_of
from neuralsampleid.library.shards import folders_of
from neuralsampleid.library.update import Summary, index_music
from neuralsampleid.processes import cores
from neuralsampleid.progress import progress

Name: TypeAlias = str | os.PathLike[str]
Audio: TypeAlias = npt.NDArray[np.floating]  # (samples,) or (samples, channels), from -1 to 1


class Library:
    """A library that ``nsid index`` or ``create`` made, or several that are searched as one.

    Attributes:
        folders: of the libraries.
        threads: of the CPU.
    """

    def __init__(self, folders: Sequence[Path], weights: str | None, threads: int) -> None:
        """Use ``open`` or ``create``."""
        self.folders, self.threads = folders, threads
        self._weights = weights
        self._identifier = Identifier.open(*folders, weights=weights, threads=threads)

    @classmethod
    def create(
        cls,
        folder: Name,
        music: Name,
        *,
        weights: str | None = None,
        drums: bool = False,
        threads: int | None = None,
    ) -> Library:
        """Make a library of a folder of music, or bring it up to date, and open it.

        Args:
            folder: of the library.
            music: every audio file in it and below it is taken.
            weights: ``shipped``, ``landmarks``, the folder of a run or a checkpoint; None: what an
                existing library was made with, for a new one the shipped weights and landmarks.
            drums: of a new library: find samples of drums alone as well, for 43 KiB more a minute.
            threads: of the CPU; None: all.

        Raises:
            UserError: the folder holds no audio, the library is of another folder or was made with
                other weights, or another process is changing it.
        """
        index_music(Path(music), Path(folder), weights, drums=drums, threads=threads or cores())
        return cls([Path(folder)], weights, threads or cores())

    @classmethod
    def open(
        cls, *folders: Name, weights: str | None = None, threads: int | None = None
    ) -> Library:
        """Open libraries, each with all its shards.

        Args:
            folders: of the libraries, at least one.
            weights: where the weights of their encoder are now; None: where they were.
            threads: of the CPU; None: all.

        Raises:
            UserError: one is no library, lacks a shard or holds no track; they were made in
                different ways; their weights are missing or others.
        """
        return cls([Path(folder) for folder in folders], weights, threads or cores())

    @property
    def remarks(self) -> list[str]:
        """What a person should know of all answers."""
        return self._identifier.remarks

    def update(self, *, forget: bool = False) -> Summary:
        """Add what is new or changed in the folder of music, and forget what is gone.

        Args:
            forget: all that is gone, however much it is.

        Raises:
            UserError: these are several libraries or shards, or another process is changing it.
        """
        folder = self.folders[0]
        if len(self.folders) > 1 or folders_of(folder) != [folder]:
            raise UserError(
                f"{folder}: expected a single library, found several or shards, expected one"
            )
        music = Path(self._identifier.library.info.music)
        summary = index_music(music, folder, self._weights, forget=forget, threads=self.threads)
        self._identifier = Identifier.open(folder, weights=self._weights, threads=self.threads)
        return summary

    def identify(
        self,
        query: Name | Audio,
        sample_rate: int | None = None,
        *,
        thresholds: Thresholds = DEFAULT,
    ) -> QueryAnswers:
        """Find which tracks of the library are sampled in a query, and where.

        Args:
            query: an audio file, or samples: (samples,) or (samples, channels), from -1 to 1.
            sample_rate: of samples, in Hz; a file says its own.
            thresholds: which answers are given.

        Raises:
            UserError: the file cannot be read, the sound is silent throughout, not finite or
                shorter than 0.5 s.
            TypeError: samples without a rate, or that are no floating-point numbers.
        """
        if isinstance(query, str | os.PathLike):
            return self._identifier.identify_file(
                Path(query), thresholds=thresholds, threads=self.threads
            )
        if sample_rate is None or not np.issubdtype(query.dtype, np.floating):
            raise TypeError("expected floating-point samples from -1 to 1 and their sample rate")
        samples = np.atleast_2d(query.T).T.astype(np.float32, copy=False)
        starts = range(0, len(samples), BLOCK)
        sound = mixed(lambda: (samples[start : start + BLOCK] for start in starts), sample_rate)
        name = "samples"
        if sound.length and sound.silent:
            raise UserError(f"{name}: silent throughout, expected some sound")
        track = self._identifier.fingerprinter.of_sound(usable(sound, name), name, of_query=True)
        return self._identifier.identify_track(
            track, name, thresholds=thresholds, threads=self.threads
        )

    def identify_files(self, paths: Iterable[Name], thresholds: Thresholds = DEFAULT) -> Findings:
        """Identify several files; of one that cannot be read, the problem is noted.

        Args:
            paths: of audio files.
            thresholds: which answers are given.
        """
        names, queries = [str(path) for path in paths], list[QueryAnswers]()
        shown = progress(names, "identify", quiet=True) if len(names) > 1 else names
        for name in shown:
            try:
                query = self.identify(name, thresholds=thresholds)
            except (UserError, OSError) as error:
                query = _unread(name, error)
            queries.append(query)
        return self._findings(queries)

    def identify_itself(self, thresholds: Thresholds = DEFAULT) -> Findings:
        """Find which tracks of the library are sampled in others of it; no audio is read.

        Args:
            thresholds: which answers are given.

        Returns:
            A query for each track in which others sound, likeliest first. Which of two tracks is
            the older is not known, so that a pair may be there twice.
        """
        return self._findings(samples_within(self._identifier, thresholds, self.threads))

    def find_uses(self, paths: Iterable[Name], thresholds: Thresholds = DEFAULT) -> Findings:
        """Find in which tracks of the library some files are sampled, by landmarks.

        Args:
            paths: of audio files, which the library need not hold.
            thresholds: which answers are given.

        Returns:
            A query for each track in which files sound, likeliest first, then one for each file
            that cannot be read.

        Raises:
            UserError: the library has no landmarks.
        """
        sources, unread = list[Source](), list[QueryAnswers]()
        peaks_alone = Fingerprinter(peaks=self._identifier.fingerprinter.peaks)
        if peaks_alone.peaks is None:
            raise UserError(
                f"{self.folders[0]}: holds no landmarks, expected them to find where a track is "
                "sampled; make another library with nsid index"
            )
        for path in map(Path, paths):
            try:
                track = peaks_alone.of_file(path)
                require_enough(track, str(path))
                sources.append(Source(path, sha256_of(path), track))
            except (UserError, OSError) as error:
                unread.append(_unread(str(path), error))
        if not sources:
            return self._findings(unread)
        found = uses_of(sources, self._identifier, thresholds, self.threads)
        return self._findings([*found, *unread])

    def _findings(self, queries: Sequence[QueryAnswers]) -> Findings:
        folders = [str(folder) for folder in self.folders]
        return Findings(folders, self._identifier.library.info.music, queries, self.remarks)


def _unread(name: str, error: Exception) -> QueryAnswers:
    return QueryAnswers(name, 0.0, [], problem=" ".join(str(error).split()))
