"""Stems that lie on the disk already, made by whatever means."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from neuralsampleid.audio.io import audio_info, read_audio
from neuralsampleid.errors import UserError
from neuralsampleid.files import sha256_of
from neuralsampleid.separation.stems import STEMS, Origin, Stems, UnusableTrack

EXTENSIONS = ("flac", "wav", "mp3", "ogg")
TOLERANCE_S = 0.1  # by which a track's files may differ in length


class PrecomputedStems:
    """Finds stems at ``<folder>/<track id>/{vocals,drums,bass,other}.<flac | wav | mp3 | ogg>``."""

    def __init__(self, folder: Path) -> None:
        """Check that the folder is there.

        Raises:
            UserError: it is not.
        """
        if not folder.is_dir():
            raise UserError(
                f"separation.stems_folder: '{folder}' is not a folder, "
                "expected <folder>/<track id>/<stem>.<extension>"
            )
        self._folder = folder

    def origin_of(self, track_id: str, path: Path) -> Origin:
        """The checksums of the four files; see ``StemSource``.

        Raises:
            UnusableTrack: the track has no stems because its audio cannot be decoded.
            UserError: it has none for another reason, or not all.
        """
        folder = self._folder / track_id
        if not folder.exists() and path.is_file():
            try:
                audio_info(path)
            except UserError as error:
                raise UnusableTrack(f"{error}; it has no stems either") from error
        sums = {f"{stem}_sha256": sha256_of(file) for stem, file in find_stems(folder).items()}
        return {"backend": "precomputed", **sums}

    def stems_of(self, track_id: str, path: Path, sample_rate: int) -> Stems:
        """Read a track's stems, all of them wholly, so that an unreadable one is found now.

        Lengths may differ by ``TOLERANCE_S``, as lossy formats add some padding; shorter stems
        get silence at their end. A fault in one track is no reason to skip it: the folder as a
        whole is not what its owner believes.

        Raises:
            UserError: a stem is missing, unreadable, or of another length than the others.
        """
        files = find_stems(self._folder / track_id)
        stems = {stem: read_audio(file, sample_rate) for stem, file in files.items()}
        longest = max(len(audio) for audio in stems.values())
        for stem, audio in stems.items():
            if longest - len(audio) > TOLERANCE_S * sample_rate:
                raise UserError(
                    f"{files[stem]}: {len(audio) / sample_rate:.2f} s, "
                    f"expected the {longest / sample_rate:.2f} s of the longest stem"
                )
        return {stem: np.pad(audio, (0, longest - len(audio))) for stem, audio in stems.items()}


def find_stems(folder: Path) -> dict[str, Path]:
    """The four files in the folder of a track.

    Raises:
        UserError: the folder is not there, lacks a stem or has one twice.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder, expected the stems of track '{folder.name}'")
    files = {}
    for stem in STEMS:
        found = [file for ext in EXTENSIONS if (file := folder / f"{stem}.{ext}").is_file()]
        if len(found) != 1:
            names = ", ".join(file.name for file in found) or "none"
            raise UserError(
                f"{folder}: stem '{stem}': found {names}, "
                f"expected one file {stem}.{{{','.join(EXTENSIONS)}}}"
            )
        files[stem] = found[0]
    return files
