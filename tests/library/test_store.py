"""The library's file: transactions, a process killed, one writer, other versions."""

import json
import random
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

import neuralsampleid
from neuralsampleid.config import Landmarks, PeakFinding
from neuralsampleid.errors import UserError
from neuralsampleid.fingerprints.segments import Segments
from neuralsampleid.landmarks.peaks import Peaks
from neuralsampleid.library.chance import Chance
from neuralsampleid.library.probability import Calibration
from neuralsampleid.library.schema import EncoderInfo, LandmarkInfo, LibraryInfo
from neuralsampleid.library.store import (
    File,
    Track,
    changing_library,
    create_library,
    open_library,
    read_contents,
)
from neuralsampleid.report.library import as_lines

SIZE, HOP, SEGMENT = 3, 0.5, 2.0
BINS = PeakFinding().bins  # that peaks may lie in
ENCODER = EncoderInfo(
    weights="shipped", weights_sha256="0", architecture="gnn", graph=None, embedding_size=SIZE,
    segment_s=SEGMENT, segment_hop=1, hop_s=HOP,
)  # fmt: skip
LANDMARKS = LandmarkInfo(peaks=PeakFinding(), settings=Landmarks())
INFO = LibraryInfo(music="/music", encoder=ENCODER, landmarks=LANDMARKS)


def track_of(number: int, segments: int = 10) -> Track:
    """A track that is known by its numbers; every third segment is silent and left out."""
    numbers = np.array([place for place in range(segments) if place % 3 != 2])
    angle = 0.1 * number
    one = np.array([np.cos(angle), np.sin(angle), 0.0], np.float32)
    embeddings = np.tile(one, (len(numbers), 1))
    starts = HOP * numbers
    times = {"starts_s": starts, "ends_s": starts + SEGMENT}
    own = Segments.of({str(number): len(starts)}, embeddings, **times, numbers=numbers)
    peaks = Peaks(np.arange(number + 1) / 4, np.full(number + 1, number % BINS) + 0.5)
    return Track(7.0 + number, own, peaks)


def add(writer, number: int) -> None:
    writer.add(File(f"{number}.wav", 1, 1), str(number), track_of(number))


def numbers_of(library) -> list[int]:
    """Which tracks a library holds; each is whole."""
    for place, name in enumerate(library.sha256):
        expected, own = track_of(int(name)), library.fingerprints[place]
        np.testing.assert_allclose(own.embeddings, expected.fingerprints.embeddings, atol=1e-6)
        np.testing.assert_array_equal(own.numbers, expected.fingerprints.numbers)
        np.testing.assert_allclose(own.starts_s, expected.fingerprints.starts_s)
        np.testing.assert_array_equal(library.landmarks[place].bins, expected.landmarks.bins)
        assert library.seconds[place] == own.seconds[0] == expected.seconds
        assert library.paths[place] == [f"{name}.wav"]
    return [int(name) for name in library.sha256]


def test_what_is_kept_comes_back(tmp_path):
    folder = tmp_path / "library"
    create_library(folder, INFO)
    assert numbers_of(open_library(folder)) == []
    trusted = ENCODER.model_copy(
        update={"calibration": Calibration(1.0, 2.0, 3.0), "chance": Chance(4, (0.5, 1.25))}
    )
    with changing_library(folder) as writer:
        for number in (2, 0, 1):
            add(writer, number)
        writer.note(INFO.model_copy(update={"encoder": trusted}))
    library = open_library(folder)
    assert numbers_of(library) == [2, 0, 1]
    assert np.isnan(library.info.encoder.calibration.error)
    assert library.info.encoder.chance == Chance(4, (0.5, 1.25))
    assert library.info.landmarks == LANDMARKS
    assert sorted(path.name for path in folder.iterdir()) == [".lock", "library.sqlite"]


def test_files_with_one_content_share_a_track(tmp_path):
    folder = tmp_path / "library"
    create_library(folder, INFO)
    with changing_library(folder) as writer:
        assert not writer.add_known(File("0.wav", 1, 1), "0")
        add(writer, 0)
        assert writer.add_known(File("copy.wav", 1, 1), "0")
        assert open_library(folder).paths == [["0.wav", "copy.wav"]]
        writer.forget(["0.wav"])
        writer.tidy()
        assert open_library(folder).paths == [["copy.wav"]]
        writer.forget(["copy.wav"])
        assert open_library(folder).paths == []  # though its content is still there
        assert writer.add_known(File("moved.wav", 1, 1), "0")
        writer.forget(["moved.wav"])
        writer.tidy()
        assert not writer.add_known(File("moved.wav", 1, 1), "0")


def test_a_library_of_one_system_takes_tracks_of_that(tmp_path):
    create_library(tmp_path / "c", LibraryInfo(music="/music", landmarks=LANDMARKS))
    with changing_library(tmp_path / "c") as writer:
        with pytest.raises(ValueError, match="other systems"):
            add(writer, 0)
        writer.add(File("0.wav", 1, 1), "0", Track(1.0, landmarks=track_of(0).landmarks))
    library = open_library(tmp_path / "c")
    assert library.fingerprints is None
    assert len(library.landmarks) == 1


def test_what_is_forgotten_gives_its_place_back(tmp_path):
    folder = tmp_path / "library"
    create_library(folder, INFO)
    sizes = []
    with changing_library(folder) as writer:
        for number in range(6):
            writer.add(File(f"{number}.wav", 1, 1), str(number), track_of(number, 300_000))
        sizes.append((folder / "library.sqlite").stat().st_size)
        before = open_library(folder)
        writer.forget(["0.wav", "3.wav"])
        writer.tidy()
        sizes.append((folder / "library.sqlite").stat().st_size)
    assert sizes[1] < 0.75 * sizes[0]
    found = open_library(folder)
    assert found.sha256 == ["1", "2", "4", "5"]
    assert [round(10 * np.arcsin(own.embeddings[0, 1])) for own in found.fingerprints] == [
        1,
        2,
        4,
        5,
    ]
    with pytest.raises(UserError, match="nsid index has changed it meanwhile; ask again"):
        before.fingerprints[0]


def test_contents_are_counted_without_reading_them(tmp_path):
    """Two files of one content are one track; a forgotten one is none."""
    folder = tmp_path / "library"
    create_library(folder, INFO)
    assert as_lines(read_contents(folder))[1] == "tracks: 0 in 0 files, 0.0 hours"
    with changing_library(folder) as writer:
        for number in (0, 1, 2):
            add(writer, number)
        assert writer.add_known(File("copy of 1.wav", 1, 1), "1")
        writer.forget(["2.wav"])
    found = read_contents(folder)
    assert (found.tracks, found.files, found.seconds) == (2, 3, 7.0 + 8.0)
    assert found.size == (folder / "library.sqlite").stat().st_size
    lines = as_lines(found)
    assert lines[0] == "music: /music"
    assert lines[2] == (
        "system: fingerprints of gnn, weights shipped (0): 3 numbers for every 0.50 s, "
        "without probabilities"
    )
    assert lines[3] == "system: landmarks, without probabilities"
    assert lines[4].startswith(f"size: {found.size / 1e6:.1f} MB, ")
    assert lines[-1] == f"versions: library format 4, nsid {neuralsampleid.__version__}"


def test_a_killed_process_loses_the_track_it_was_at(tmp_path):
    """At any moment, also while it writes; three times, and the library grows."""
    folder = tmp_path / "library"
    create_library(folder, INFO)
    program = f"""
        import sys
        from pathlib import Path
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from test_store import add
        from neuralsampleid.library.store import changing_library
        with changing_library(Path({str(folder)!r})) as writer:
            first = len(writer.files())
            print("ready", flush=True)
            for number in range(first, first + 2000):
                add(writer, number)
    """
    rng, kept = random.Random(0), 0
    for _ in range(3):
        run = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE, text=True
        )
        assert run.stdout.readline() == "ready\n"
        time.sleep(rng.uniform(0.05, 0.3))
        run.send_signal(signal.SIGKILL)
        assert run.wait() == -signal.SIGKILL
        found = numbers_of(open_library(folder))
        assert found == list(range(len(found)))
        assert len(found) >= kept
        kept = len(found)
    assert kept > 0
    with changing_library(folder) as writer:  # nothing is locked, nothing is in the way
        add(writer, kept)
    assert numbers_of(open_library(folder))[-1] == kept


def test_one_process_changes_and_others_read(tmp_path):
    folder = tmp_path / "library"
    create_library(folder, INFO)
    with changing_library(folder) as writer:
        add(writer, 0)
        with (
            pytest.raises(UserError, match="another nsid index"),
            changing_library(folder),
        ):
            pass
        assert numbers_of(open_library(folder)) == [0]


def test_a_creation_that_was_killed_is_no_obstacle(tmp_path):
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / ".library.abcd1234.sqlite").touch()
    create_library(tmp_path / "c", INFO)
    assert numbers_of(open_library(tmp_path / "c")) == []


def test_other_versions_are_refused_in_one_line(tmp_path):
    former = tmp_path / "former"
    former.mkdir()
    (former / "collection.sqlite").touch()
    for refused in (lambda: open_library(former), lambda: create_library(former, INFO)):
        with pytest.raises(UserError, match=r"older version; .*make it anew with nsid index"):
            refused()
    newer = tmp_path / "newer"
    create_library(newer, INFO)
    file = newer / "library.sqlite"
    with closing(sqlite3.connect(file)) as table, table:
        content = {**json.loads(INFO.model_dump_json()), "format": 5, "new": 1}
        table.execute("UPDATE info SET json = ?", (json.dumps(content),))
    with pytest.raises(UserError, match=r"another version \(format: .*make it anew"):
        open_library(newer)
    file.write_bytes(b"no database at all, but as long as a header of one: 100 bytes" * 3)
    with pytest.raises(UserError, match="damaged, so that it cannot be read; delete the folder"):
        open_library(newer)
