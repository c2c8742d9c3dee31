"""What the packages of the open benchmark hold: what is taken, under which licence, what is not.

Command: ``python benchmarks/free_music_packages.py FOLDER DEBS``, where each package of
config/free_music.csv lies unpacked (``dpkg-deb -x``; a zip archive's members beside it, at
``archive.zip!member``) in ``FOLDER/<package>``, and as a ``.deb`` in DEBS. It prints both tables of
docs/free-music.md and fails if a file of 45 s and more is neither in the table nor left out.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from fnmatch import fnmatchcase
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile

LEAST_S = 45.0
LEAST_DB = -40.0  # of full scale, root mean square of the first ``LISTENED_S``
LISTENED_S = 120.0
LEFT_OUT = Path(__file__).with_suffix(".csv").with_stem("free_music_left_out")


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("debs", type=Path)
    parser.add_argument("--tracks", type=Path, default=Path("config/free_music.csv"))
    options = parser.parse_args()
    tracks = pd.read_csv(options.tracks, keep_default_na=False)
    print("| package | MB | tracks | licence | read in |\n|---|---:|---:|---|---|")
    sources = tracks["licence_source"].str.partition(": ")[0]
    for (package, licence, source), own in tracks.groupby(
        ["package", "licence", sources], sort=False
    ):
        (deb,) = options.debs.glob(f"{package}_*.deb")
        megabytes = f"{deb.stat().st_size / 1e6:.0f}"
        read_in = source.removeprefix(f"usr/share/doc/{package}/").removeprefix("usr/share/")
        print(f"| {package} | {megabytes} | {len(own)} | {licence} | `{read_in}` |")
    rows = [
        row
        for package in sorted(set(tracks["package"]))
        for row in left_out(package, options.folder, tracks)
    ]
    table = pd.DataFrame(rows, columns=["reason", "package", "path"])
    print("\n| reason | files | packages |\n|---|---:|---|")
    for reason, own in table.groupby("reason"):
        print(f"| {reason} | {len(own)} | {', '.join(sorted(set(own['package'])))} |")


def left_out(package: str, folder: Path, tracks: pd.DataFrame) -> Iterator[tuple[str, str, str]]:
    """Reason, package and path of each long audio file of a package that is not in the table.

    Raises:
        SystemExit: a file is neither, or is in the table and too quiet.
    """
    rules = pd.read_csv(LEFT_OUT)
    rules = rules[rules["package"] == package]
    taken = set(tracks.loc[tracks["package"] == package, "path"])
    digests = set(tracks["sha256"])
    for path in sorted((folder / package).rglob("*")):
        inside = path.relative_to(folder / package).as_posix()
        if path.is_symlink() or not path.is_file() or seconds(path) < LEAST_S:
            continue
        reasons = [row.reason for row in rules.itertuples() if fnmatchcase(inside, row.path)]
        if inside in taken:
            if (level := level_db(path)) < LEAST_DB or reasons:
                raise SystemExit(f"{package}: {inside} is taken, at {level:.0f} dB {reasons}")
        elif sha256(path.read_bytes()).hexdigest() in digests:
            yield "the same bytes as a track", package, inside
        elif reasons:
            yield reasons[0], package, inside
        else:
            raise SystemExit(f"{package}: {inside} is neither taken nor left out")


def seconds(path: Path) -> float:
    """How long an audio file is; 0 of any other."""
    try:
        return float(soundfile.info(str(path)).duration)
    except soundfile.LibsndfileError:
        return 0.0


def level_db(path: Path) -> float:
    """How loud the beginning of a file is, in dB of full scale."""
    with soundfile.SoundFile(str(path)) as file:
        audio = file.read(round(LISTENED_S * file.samplerate), dtype="float32")
    return float(10 * np.log10(np.mean(np.square(audio)) + 1e-12))


if __name__ == "__main__":
    main()
