"""A disk that is almost full: a small file system in memory."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def nearly_full(folder: Path, room: int) -> Iterator[Callable[[], None]]:
    """Move what a folder holds to a file system of its own, on which some bytes are left.

    Yields:
        What makes room. The test is skipped where nothing may be mounted.
    """
    folder.mkdir(parents=True, exist_ok=True)
    former = folder.rename(folder.with_name(f"{folder.name}.former"))
    folder.mkdir()
    if shutil.which("mount") is None or not _mount(folder, "size=100m"):
        pytest.skip("mounting a small file system needs root")
    try:
        shutil.copytree(former, folder, dirs_exist_ok=True)
        state = os.statvfs(folder)
        used = (state.f_blocks - state.f_bfree) * state.f_frsize
        assert _mount(folder, f"remount,size={used + room}")
        yield lambda: _make_room(folder)
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def _make_room(folder: Path) -> None:
    assert _mount(folder, "remount,size=100m")


def _mount(folder: Path, options: str) -> bool:
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
