"""Files out of Debian packages (``.deb``), which are read as streams.

A package is an ``ar`` archive; its member ``data.tar.<kind>`` is a tar archive of what would be
installed. Debian compresses that by xz, Ubuntu by zstd.
"""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import zstandard

from neuralsampleid.errors import UserError
from neuralsampleid.files import replacing_file, sha256_of

IN_ZIP = "!"  # between a zip archive's path in a package and that of its member
_MAGIC, _HEADER = b"!<arch>\n", 60  # of an ar archive; bytes before each member
_CHUNK = 1 << 20  # bytes
_BROKEN = (
    *(EOFError, ValueError, gzip.BadGzipFile, lzma.LZMAError, tarfile.TarError, zlib.error),
    *(zipfile.BadZipFile, zstandard.ZstdError),
)


@dataclass(frozen=True)
class WantedFile:
    """A file of a package, and where it goes."""

    path: str  # in the package, without './'; a zip's member: 'path/of.zip!member'
    sha256: str  # of the file that is meant
    target: Path

    @property
    def is_there(self) -> bool:
        """Whether the target is this very file."""
        return self.target.is_file() and sha256_of(self.target) == self.sha256


class _OtherFileError(Exception):
    """What stands at a path has another checksum."""


def extract(package: Path, wanted: Sequence[WantedFile]) -> dict[str, str]:
    """Write the wanted files; each appears whole, if its checksum is right, or not at all.

    Reading ends with the last of them.

    Args:
        package: a ``.deb`` file.
        wanted: files of it; of those whose target exists, too.

    Returns:
        Path → SHA-256 of the files that the package holds, also where it is another one.

    Raises:
        UserError: the package is missing or broken.
    """
    found: dict[str, str] = {}
    of_member: dict[str, list[WantedFile]] = {}
    for file in wanted:
        of_member.setdefault(file.path.partition(IN_ZIP)[0], []).append(file)
    try:
        with _data(package) as data, tarfile.open(fileobj=data, mode="r|") as archive:
            for entry in archive:
                files = of_member.pop(entry.name.removeprefix("./"), [])
                content = archive.extractfile(entry) if files and entry.isreg() else None
                if content is not None:
                    found |= _write_all(content, files)
                if not of_member:
                    break
    except FileNotFoundError as error:
        raise UserError(f"{package}: no such file, expected a Debian package") from error
    except _BROKEN as error:
        raise UserError(f"{package}: cannot be read ({error}), expected a whole .deb") from error
    return found


def _write_all(content: IO[bytes], files: Sequence[WantedFile]) -> dict[str, str]:
    """A member's content as the one file that is wanted of it, or as those of a zip archive."""
    if IN_ZIP not in files[0].path:
        return {file.path: _write(content, file) for file in files}
    files[0].target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=files[0].target.parent) as copy:  # a zip is read from its end
        while chunk := content.read(_CHUNK):
            copy.write(chunk)
        with zipfile.ZipFile(copy) as archive:
            names = set(archive.namelist())
            inner = {file.path.partition(IN_ZIP)[2]: file for file in files}
            found = {}
            for name in [name for name in inner if name in names]:
                with archive.open(name) as member:
                    found[inner[name].path] = _write(member, inner[name])
    return found


def _write(content: IO[bytes], file: WantedFile) -> str:
    """Write a file if its checksum is right, which is returned."""
    digest = hashlib.sha256()
    try:
        with replacing_file(file.target) as temporary, temporary.open("wb") as sink:
            while chunk := content.read(_CHUNK):
                digest.update(chunk)
                sink.write(chunk)
            if digest.hexdigest() != file.sha256:
                raise _OtherFileError
    except _OtherFileError:
        pass
    return digest.hexdigest()


@contextmanager
def _data(package: Path) -> Iterator[Any]:
    """The tar archive in a package, as a stream of its uncompressed bytes.

    Raises:
        ValueError: it is no package, or compressed in an unknown way.
    """
    with package.open("rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            raise ValueError("no ar archive")
        while header := file.read(_HEADER):
            name = header[:16].decode("latin-1").rstrip(" /")
            size = int(header[48:58])  # not a number, or empty: ValueError
            if name.startswith("data.tar"):
                with _opened(io.BufferedReader(_Part(file, size), _CHUNK), name) as data:
                    yield data
                return
            file.seek(size + size % 2, io.SEEK_CUR)
        raise ValueError("no member data.tar")


def _opened(file: IO[bytes], name: str) -> Any:  # noqa: ANN401 - each kind has a class of its own
    kind = name.rpartition(".")[2]
    if kind == "tar":
        return file
    if kind == "zst":
        return zstandard.ZstdDecompressor().stream_reader(file)
    modules: dict[str, Any] = {"xz": lzma, "gz": gzip, "bz2": bz2}
    if kind not in modules:
        raise ValueError(f"its data are compressed by {kind}")
    return modules[kind].open(file)


class _Part(io.RawIOBase):
    """So many bytes of a file from where it stands."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file, self._left = file, size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - any writable buffer
        content = self._file.read(min(len(buffer), self._left))
        self._left -= len(content)
        buffer[: len(content)] = content
        return len(content)
