"""The Python API: a library of a person's own music as one object."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from helpers.tunes import TUNE_RATE, put, tune
from neuralsampleid import Library, Thresholds, UserError

PAGE = Path(__file__).parents[2] / "docs/python.md"
SAMPLE = tune(1, 12)[2 * TUNE_RATE : 10 * TUNE_RATE]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Music, a query and a library of landmarks. Do not change."""
    folder = tmp_path_factory.mktemp("own")
    for number in range(3):
        put(folder / f"Music/{number}.wav", tune(number, 12))
    put(folder / "new.wav", np.stack([SAMPLE, 0.5 * SAMPLE], axis=1))
    return folder


@pytest.fixture(scope="module")
def library(folder):
    return Library.create(folder / "library", folder / "Music", weights="landmarks", threads=1)


def test_the_page_runs_as_it_stands(folder, tmp_path, monkeypatch, capsys):
    """Its blocks are one program, which finds the sample by file and by array."""
    (tmp_path / "Music").symlink_to(folder / "Music")
    (tmp_path / "new.wav").symlink_to(folder / "new.wav")
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    names = {}
    exec("\n".join(blocks), names)
    said = capsys.readouterr().out.splitlines()
    track, probability, start, reference = said[0].split()
    assert track == "1.wav"
    assert float(probability) > 0.5
    assert (float(start), float(reference)) == pytest.approx((0, 2), abs=0.5)
    assert said[-4:] == ["8.0 1", "new.wav 1 answers", said[-2], "0 added, 3 unchanged"]
    assert said[-2].startswith("missing.wav missing.wav: no such ")
    assert '"1.wav"' in (tmp_path / "answers.json").read_text(encoding="utf-8")
    assert len(names["found"].answers) == 2


@pytest.mark.parametrize("gain", [1.0, 1e-3], ids=["loud", "quiet"])
def test_an_array_is_answered_as_its_file(library, tmp_path, gain):
    samples = (gain * np.stack([SAMPLE, 0.5 * SAMPLE], axis=1)).astype(np.float32)
    put(tmp_path / "new.wav", samples, subtype="FLOAT")
    by_file = library.identify(tmp_path / "new.wav")
    by_array = library.identify(samples, TUNE_RATE)
    assert by_array.answers == by_file.answers
    assert by_array.answers[0].paths == ["1.wav"]
    assert by_array.seconds == by_file.seconds == 8.0


@pytest.mark.parametrize(
    ("samples", "rate", "error", "said"),
    [
        (SAMPLE, None, TypeError, "their sample rate"),
        ((100 * SAMPLE).astype(np.int16), TUNE_RATE, TypeError, "floating-point samples"),
        (np.zeros(TUNE_RATE), TUNE_RATE, UserError, "samples: silent throughout"),
        (np.zeros(0), TUNE_RATE, UserError, "samples: holds no audio"),
        (SAMPLE[:1000], TUNE_RATE, UserError, "samples: only 0.05 s"),
        (np.full(TUNE_RATE, np.nan), TUNE_RATE, UserError, "samples: holds samples that are not"),
    ],
)
def test_arrays_that_are_none(library, samples, rate, error, said):
    with pytest.raises(error, match=said):
        library.identify(samples, rate)


def test_a_library_follows_its_music(tmp_path):
    put(tmp_path / "music/0.wav", tune(0, 12))
    made = Library.create(tmp_path / "library", tmp_path / "music", weights="landmarks", threads=1)
    best = Thresholds(best=1)
    assert made.identify(SAMPLE, TUNE_RATE).answers == []
    put(tmp_path / "music/1.wav", tune(1, 12))
    assert made.update().added == 1
    for library in (made, Library.open(tmp_path / "library", threads=1)):
        assert library.identify(SAMPLE, TUNE_RATE, thresholds=best).answers[0].paths == ["1.wav"]
    with pytest.raises(UserError, match="expected a single library"):
        Library.open(tmp_path / "library", tmp_path / "library").update()


def test_importing_is_quick_and_landmarks_need_no_pytorch(folder, library):
    program = (
        "import sys, neuralsampleid\n"
        "assert 'numpy' not in sys.modules\n"
        f"library = neuralsampleid.Library.open({str(folder / 'library')!r})\n"
        f"print(len(library.identify({str(folder / 'new.wav')!r}).answers))\n"
        "print([name for name in ('torch', 'pandas', 'matplotlib') if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["1", "[]"]


def test_names_of_the_package():
    import neuralsampleid

    for name in neuralsampleid.__all__:
        assert getattr(neuralsampleid, name).__name__ == name
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        neuralsampleid.nothing  # noqa: B018


def test_the_sample_rate_of_a_file_is_its_own(library, folder):
    samples, rate = soundfile.read(folder / "new.wav")
    assert library.identify(folder / "new.wav", 1).seconds == len(samples) / rate
