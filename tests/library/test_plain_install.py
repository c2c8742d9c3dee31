"""``nsid index`` and ``nsid identify`` need the plain dependencies alone."""

import subprocess
import sys
import textwrap

import numpy as np

from helpers.songs import RATE, song_stems
from neuralsampleid.audio.io import write_audio

ELSEWHERE = (  # what the extras bring
    "audiomentations", "demucs", "lightning", "matplotlib", "pandas", "python_stretch", "snakemake",
    "symusic",
)  # fmt: skip


def test_without_the_extras(tmp_path):
    for seed in range(2):
        song = (song_stems(seed, 6.0).sum(axis=1) / 65536).astype(np.float32)
        write_audio(tmp_path / "music" / f"{seed}.wav", song, RATE)
    library, music = str(tmp_path / "library"), str(tmp_path / "music")
    query, page = str(tmp_path / "music" / "1.wav"), str(tmp_path / "page.html")
    program = f"""
        import sys
        sys.modules.update(dict.fromkeys({ELSEWHERE!r}))
        from neuralsampleid.cli import main
        more = ["--threads", "1"]
        assert main(["index", {music!r}, "--out", {library!r}, *more]) == 0
        ask = ["identify", {query!r}, "--library", {library!r}, "--best", "1", *more]
        assert main([*ask, "--csv"]) == 0
        assert main([*ask, "--html", {page!r}]) == 0
    """
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert "2 added" in run.stderr
    assert "0.wav" in run.stdout
