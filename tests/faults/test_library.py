"""A library keeps what it has: broken files, lost disks, moved folders, damage (K3–K7, K17)."""

import os
import shutil
import signal
import sqlite3
from contextlib import closing

import pytest

from helpers.disk import nearly_full
from helpers.tunes import put, tune
from neuralsampleid.errors import UserError
from neuralsampleid.library import database, fingerprinter, update
from neuralsampleid.library.finders import finders_of
from neuralsampleid.library.identify import Identifier, identify
from neuralsampleid.library.store import changing_library, open_library
from neuralsampleid.library.update import index_music

SECONDS = 5.0


@pytest.fixture(scope="module")
def tunes(tmp_path_factory):
    """A folder of tunes and its library of landmarks, to be copied."""
    folder = tmp_path_factory.mktemp("tunes")
    for number in range(4):
        put(
            folder / "music" / f"{'disk/' if number > 1 else ''}{number}.wav", tune(number, SECONDS)
        )
    index_music(folder / "music", folder / "library", "landmarks")
    return folder


@pytest.fixture
def copied(tunes, tmp_path):
    """The same at a place of its own, to be changed; the library followed it there."""
    shutil.copytree(tunes, tmp_path, dirs_exist_ok=True)
    with changing_library(tmp_path / "library") as writer:
        writer.note(writer.info.model_copy(update={"music": str(tmp_path / "music")}))
    return tmp_path


def paths(folder):
    return sorted(path for held in open_library(folder / "library").paths for path in held)


def again(folder, **options):
    return index_music(folder / "music", folder / "library", **options)


ALL = ["0.wav", "1.wav", "disk/2.wav", "disk/3.wav"]


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("not enough memory: 9 bytes")])
def test_a_file_too_long_for_the_memory_is_skipped(copied, error, monkeypatch):
    put(copied / "music/a long one.wav", tune(9, SECONDS))
    put(copied / "music/b.wav", tune(8, SECONDS))
    real = fingerprinter.decode

    def decode(path):
        if path.stem == "a long one":
            raise error
        return real(path)

    monkeypatch.setattr(fingerprinter, "decode", decode)
    summary = again(copied)
    ((path, reason),) = summary.skipped
    assert path == str(copied / "music/a long one.wav")
    assert (
        reason
        == f"{path}: needs more memory than there is; close other programs, or split the file"
    )
    assert (summary.added, summary.unchanged) == (1, 4)


def test_a_file_that_ended_the_process_twice_is_skipped(copied, monkeypatch):
    killer = put(copied / "music/killer.wav", tune(9, SECONDS))
    put(copied / "music/z.wav", tune(8, SECONDS))
    real, parent = fingerprinter.decode, os.getpid()

    def decode(path):
        if path == killer and os.getpid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(path)

    monkeypatch.setattr(fingerprinter, "decode", decode)
    for _ in range(2):
        if not (child := os.fork()):
            again(copied)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == signal.SIGKILL
        assert paths(copied) == ALL
    summary = again(copied)
    ((_, reason),) = summary.skipped
    assert reason.startswith(f"{killer}: nsid ended 2 times while it read this file")
    assert paths(copied) == [*ALL, "z.wav"]
    put(killer, tune(9, SECONDS + 1))  # another file of that name
    assert again(copied).skipped == []


def test_a_locked_library_is_to_be_tried_again(copied, monkeypatch):
    monkeypatch.setattr(database, "PATIENCE_S", 0.1)
    with closing(sqlite3.connect(copied / "library/library.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        for ask in (lambda: open_library(copied / "library"), lambda: again(copied)):
            with pytest.raises(
                UserError, match=r"library\.sqlite: another program is using it; try"
            ):
                ask()
    assert paths(copied) == ALL


def no_content(file):
    file.write_bytes(b"")


def cut_short(file):
    file.write_bytes(file.read_bytes()[:70_000])


def other_content(file):
    file.write_bytes(b"no database, but as long as the header of one: a hundred bytes" * 3)


def changed(statement):
    def change(file):
        with closing(sqlite3.connect(file)) as table, table:
            table.execute(statement)

    return change


@pytest.mark.parametrize(
    "damage",
    [
        no_content,
        cut_short,
        other_content,
        changed("DELETE FROM info"),
        changed("UPDATE tracks SET landmarks = x'00'"),
        changed("UPDATE tracks SET landmarks = NULL"),
        changed("UPDATE tracks SET landmarks = x'FFFFFFFFFFFF'"),
        changed("UPDATE tracks SET landmarks = x'FFFFFF7F0000'"),
        changed("UPDATE tracks SET seconds = 'long'"),
        changed("DROP VIEW present"),
    ],
)
def test_a_damaged_library_is_called_so(copied, damage):
    damage(copied / "library/library.sqlite")
    said = (
        r"library\.sqlite: damaged, so that it cannot be read; delete the folder and make it anew"
    )
    with pytest.raises(UserError, match=said):
        list(open_library(copied / "library").landmarks)  # read when they are asked for


def test_a_full_disk_loses_nothing(copied):
    for number in range(4, 8):
        put(copied / f"music/{number}.wav", tune(number, 4 * SECONDS))
    with nearly_full(copied / "library", 70_000) as make_room:
        with pytest.raises(UserError, match=r"library\.sqlite: the disk is full; make room and"):
            again(copied)
        make_room()
        assert set(ALL) <= set(paths(copied))
        assert again(copied).skipped == []
        assert len(paths(copied)) == 8


def test_a_full_disk_when_a_library_is_made(copied):
    with (
        nearly_full(copied / "new", 4096),
        pytest.raises((UserError, OSError), match=r"disk is full|No space left"),
    ):
        index_music(copied / "music", copied / "new/library", "landmarks")


def test_a_library_that_is_being_updated_can_be_asked(copied, monkeypatch):
    """Everything that it held is there until the end, whenever it is asked or stopped."""
    (copied / "music/0.wav").unlink()
    put(copied / "music/1.wav", tune(11, SECONDS))  # changed
    put(copied / "music/new.wav", tune(12, SECONDS))
    held = []
    real = fingerprinter.decode
    query = Identifier.open(copied / "library").fingerprinter.of_file(copied / "music/disk/2.wav")

    def decode(path):
        held.append(paths(copied))
        library = open_library(copied / "library")
        answers = identify(query, library, finders_of(library))
        assert answers[0].paths == ["disk/2.wav"]
        if path.name == "new.wav":
            raise KeyboardInterrupt
        return real(path)

    monkeypatch.setattr(fingerprinter, "decode", decode)
    with pytest.raises(KeyboardInterrupt):
        again(copied)
    assert held[:2] == [ALL, ALL]
    monkeypatch.undo()
    again(copied)
    assert paths(copied) == ["1.wav", "disk/2.wav", "disk/3.wav", "new.wav"]


def test_a_library_left_by_a_former_version_halfway_can_be_asked(copied):
    with closing(sqlite3.connect(copied / "library/library.sqlite")) as table, table:
        table.execute("DELETE FROM files WHERE path > '1.wav'")  # their contents are still there
    Identifier.open(copied / "library").identify_file(copied / "music/disk/3.wav")
    assert again(copied).known == 2  # nothing is computed again


def test_a_folder_that_cannot_be_read_is_kept(copied, monkeypatch):
    real = os.scandir

    def scandir(place):
        if str(place).endswith("disk"):
            raise PermissionError(13, "Permission denied", str(place))
        return real(place)

    monkeypatch.setattr(os, "scandir", scandir)
    summary = again(copied)
    assert (summary.forgotten, summary.kept) == (0, 2)
    assert summary.notes == [
        f"{copied}/music/disk: cannot be read (Permission denied); 2 files of it kept"
    ]
    assert paths(copied) == ALL
    monkeypatch.undo()
    (copied / "music/0.wav").unlink()
    (copied / "music/0.wav").symlink_to(copied / "not mounted/0.wav")
    assert again(copied).kept == 1
    assert paths(copied) == ALL


def test_a_changed_file_that_cannot_be_read_now_is_kept(copied, monkeypatch):
    os.utime(copied / "music/1.wav", (1, 1))

    def sha256_of(path):
        raise OSError(5, "Input/output error", str(path))

    monkeypatch.setattr(update, "sha256_of", sha256_of)
    assert len(again(copied).skipped) == 1
    assert paths(copied) == ALL
    monkeypatch.undo()
    (copied / "music/1.wav").write_bytes(b"broken for good")
    assert len(again(copied).skipped) == 1
    assert paths(copied) == ["0.wav", "disk/2.wav", "disk/3.wav"]


def test_much_is_not_forgotten_at_once(copied, monkeypatch):
    monkeypatch.setattr(update, "MUCH", 1)
    away = (copied / "music/disk").rename(copied / "elsewhere")
    (copied / "music/disk").mkdir()  # where a disk is to be mounted
    summary = again(copied)
    assert (summary.forgotten, summary.kept) == (0, 2)
    (note,) = summary.notes
    assert note.startswith(f"2 files are not there, the first is {copied}/music/disk/2.wav; they")
    assert note.endswith("if they are gone for good, add --forget")
    assert paths(copied) == ALL
    (copied / "music/disk").rmdir()
    away.rename(copied / "music/moved")  # nothing is lost: their contents are found again
    summary = again(copied)
    assert (summary.known, summary.forgotten, summary.kept) == (2, 2, 0)
    shutil.rmtree(copied / "music/moved")
    assert again(copied, forget=True).forgotten == 2
    assert paths(copied) == ["0.wav", "1.wav"]


def test_a_moved_folder_of_music_costs_nothing(copied, monkeypatch):
    monkeypatch.setattr(fingerprinter, "decode", None)  # nothing may be decoded
    (copied / "music").rename(copied / "Music")
    (copied / "Music/0.wav").rename(copied / "Music/renamed.wav")
    summary = index_music(copied / "Music", copied / "library")
    assert summary.notes == [f"the music was in {copied}/music and is now in {copied}/Music"]
    assert (summary.added, summary.known, summary.unchanged) == (1, 1, 3)
    assert open_library(copied / "library").info.music == str(copied / "Music")


def test_another_folder_of_music_is_refused(copied):
    put(copied / "other/x.wav", tune(20, SECONDS))
    shutil.copytree(copied / "music", copied / "copy")
    for other in ("other", "copy"):
        with pytest.raises(UserError, match=r"a library of .*/music, expected that folder"):
            index_music(copied / other, copied / "library")
    (copied / "music").rename(copied / "away")
    with pytest.raises(UserError, match=r"a library of .*/music, expected that folder"):
        index_music(copied / "other", copied / "library")
    assert paths(copied) == ALL


def test_endings_that_are_left_out_are_counted(copied):
    for name in ("a.jpg", "b.JPG", "c.txt", "d.TXT", "e.txt", "README"):
        (copied / "music" / name).write_bytes(b"x")
    assert again(copied).notes == ["left out, as no audio: 3 .txt, 2 .jpg, 1 other"]
