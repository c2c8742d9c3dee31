"""Files that appear whole or not at all, and one way to read and refuse JSON."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from neuralsampleid.errors import UserError

if TYPE_CHECKING:  # a quick script need not wait for it
    import pandas as pd

_Kind = TypeVar("_Kind", dict[str, object], list[object])


# Names of what is not whole yet: tempfile adds eight characters, before the suffix of a file.
_TEMPORARY = re.compile(r"\.(.+)\.[a-z0-9_]{8}(\.[a-z]+)?")


@contextmanager
def replacing_file(target: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``target`` and rename it to ``target`` on success.

    The temporary name keeps the suffix, because writers choose a format by it.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(
        prefix=f".{target.stem}.", suffix=target.suffix, dir=target.parent
    )
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        # mkstemp makes the file private; results are as readable as any other new file.
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def replacing_folder(target: Path) -> Iterator[Path]:
    """Yield an empty temporary folder beside ``target`` and rename it to ``target`` on success.

    A folder that is replaced is first renamed, too, so that no half of it is ever seen.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary_folder(target)
    try:
        yield temporary
        temporary.chmod(0o777 & ~_umask())
        former = target.replace(_temporary_folder(target)) if target.exists() else None
        temporary.replace(target)
        if former is not None:
            shutil.rmtree(former)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def remove_leftovers(folder: Path, names: Collection[str]) -> None:
    """Remove what a killed process left when it was to replace files and folders.

    Args:
        folder: in which they lie; it need not exist.
        names: of what was to be replaced; temporary files and folders of others stay.
    """
    if not folder.is_dir():
        return
    for entry in list(folder.iterdir()):
        found = _TEMPORARY.fullmatch(entry.name)
        if found is None or found[1] + (found[2] or "") not in names:
            continue
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink(missing_ok=True)


def keep_only(folder: Path, kept: Collection[Path]) -> None:
    """Remove all other files of a folder, hidden ones, too, but those that a process maps.

    Windows does not let these go; the next call removes them.
    """
    for path in set(folder.glob("*")) | set(folder.glob(".*")):
        if path not in kept:
            with suppress(PermissionError):
                path.unlink(missing_ok=True)


def sha256_of(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_bytes(path: Path, content: bytes | memoryview) -> None:
    """Write bytes; the file appears whole or not at all."""
    with replacing_file(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text, '?' for what is none; the file appears whole or not at all."""
    with replacing_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="replace")


def write_json(path: Path, value: object) -> None:
    """Write indented JSON with sorted keys; the file appears whole or not at all."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True) + "\n")


def read_json(path: Path, kind: type[_Kind], expected: str) -> _Kind:
    """Read a JSON file that anyone may have written.

    Args:
        path: the file, in UTF-8.
        kind: dict or list, what must be in it.
        expected: what the file should be, for the error message.

    Raises:
        UserError: the file is missing, is not JSON, or holds something else.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_each_once)
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file, expected {expected}") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: not JSON ({error}), expected {expected}") from error
    if not isinstance(content, kind):
        raise UserError(f"{path}: holds a {type(content).__name__}, expected {expected}")
    return content


def require_text(name: str) -> None:
    """Refuse names that no table in UTF-8 can hold; old file systems left such ones.

    Raises:
        UserError: the name is one.
    """
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise UserError(
            f"{name}: the name holds codes that stand for no letter; expected another name: rename "
            "it"
        ) from error


def _each_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    values = dict(pairs)
    if len(values) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"'{twice}' stands twice")
    return values


def write_csv(path: Path, table: pd.DataFrame) -> None:
    """Write a table as CSV without its row index; the file appears whole or not at all."""
    with replacing_file(path) as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n")


def join_csv(parts: Sequence[Path], target: Path) -> None:
    """Join CSV files of one header as texts, since reading numbers could change them.

    Args:
        parts: at least one.
        target: appears whole or not at all.
    """
    texts = [path.read_text(encoding="utf-8") for path in parts]
    header = texts[0].splitlines(keepends=True)[0]
    write_text(target, header + "".join(text.removeprefix(header) for text in texts))


def _temporary_folder(target: Path) -> Path:
    return Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def own_files(folder: str | None, name: str) -> list[str]:
    """The files that a user has of something: those below ``folder/name``, or that file itself."""
    if folder is None:
        return []
    path = Path(folder, name)
    return [str(file) for file in (path, *sorted(path.rglob("*"))) if file.is_file()]
