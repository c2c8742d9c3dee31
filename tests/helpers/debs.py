"""Debian packages, written byte by byte."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import zstandard

COMPRESSIONS = {
    "": bytes,
    ".xz": lzma.compress,
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".zst": zstandard.compress,
}


def write_deb(path: Path, files: Mapping[str, bytes], kind: str = ".xz") -> Path:
    """A package with these files; one whose name ends with .zip! holds a zip of what follows."""
    members = [("debian-binary", b"2.0\n"), ("control.tar.gz", gzip.compress(b"odd"))]
    members.append((f"data.tar{kind}", COMPRESSIONS[kind](tar(files))))
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(b"!<arch>\n")
        for name, content in members:
            file.write(
                f"{name + '/':<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(content):<10}`\n".encode()
            )
            file.write(content + b"\n" * (len(content) % 2))
    return path


def tar(files: Mapping[str, bytes]) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(f"./{name}")
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return content.getvalue()


def zipped(files: Mapping[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return content.getvalue()
