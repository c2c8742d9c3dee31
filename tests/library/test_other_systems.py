"""What macOS and Windows lack or do in another way; tried on Linux, with those parts taken away."""

import ast
import os
import subprocess
import sys
from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest

from helpers.tunes import TUNE_RATE, put, tune
from neuralsampleid.audio.folder import order_of
from neuralsampleid.library.store import name_of

SOURCES = sorted((Path(__file__).parents[2] / "neuralsampleid").rglob("*.py"))
UNIX_ONLY = {"fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty"}
# What is loaded first uses them, and so it does on Windows: in ways of its own.
WITHOUT_UNIX = """
import asyncio, multiprocessing.util, os, pathlib, shutil, signal, sqlite3, subprocess, sys
import tempfile
for name in {modules}:
    sys.modules[name] = None
for place, names in (
    (os, ("sched_getaffinity", "getuid", "geteuid", "fork", "statvfs", "sysconf", "mkfifo")),
    (signal, ("SIGKILL", "SIGUSR1", "SIGUSR2", "SIGHUP", "SIGALRM", "pthread_sigmask")),
):
    for name in names:
        if hasattr(place, name):
            delattr(place, name)
from neuralsampleid.cli import main
sys.exit(main(sys.argv[1:]))
"""


def test_no_module_that_only_unix_has_is_imported_at_the_top():
    found = []
    for path in SOURCES:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
            found += [f"{path.name}: {name}" for name in names if name in UNIX_ONLY]
    assert found == []


def test_nsid_works_without_what_only_unix_has(tmp_path):
    for number in range(2):
        put(tmp_path / f"music/t{number}.wav", tune(number, 12))
    put(tmp_path / "new.wav", tune(1, 12)[2 * TUNE_RATE : 10 * TUNE_RATE])
    program = WITHOUT_UNIX.format(modules=sorted(UNIX_ONLY))

    def nsid(*arguments):
        command = [sys.executable, "-c", program, *arguments]
        environment = {**os.environ, "PYTHONIOENCODING": "cp1252"}  # as pipes of Windows have it
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, check=False
        )

    made = nsid("index", "music", "--out", "library", "--weights", "landmarks")
    assert made.returncode == 0, made.stderr
    found = nsid("identify", "new.wav", "--library", "library")
    assert found.returncode == 0, found.stderr
    assert b"t1.wav" in found.stdout
    assert b"<-" in found.stdout  # cp1252 has no arrow


@pytest.mark.parametrize(
    ("path", "music"),
    [
        (PurePosixPath("/m/soul/a b.mp3"), PurePosixPath("/m")),
        (PureWindowsPath(r"C:\m\soul\a b.mp3"), PureWindowsPath(r"C:\m")),
    ],
)
def test_a_library_names_files_alike_on_all_systems(path, music):
    assert name_of(path, music) == "soul/a b.mp3"
    assert music / name_of(path, music) == path


def test_files_are_sorted_folder_by_folder(monkeypatch):
    names = ["a/c.wav", "a-b/c.wav", "a.wav", "a/b.m4a"]
    expected = ["a/c.wav", "a-b/c.wav", "a.wav", "a/b.m4a"]
    assert sorted(names, key=order_of) == expected
    monkeypatch.setattr(os, "sep", "\\")
    assert sorted(names, key=order_of) == expected
