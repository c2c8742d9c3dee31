"""A stand-in for conda, whose channels the tests' machines do not reach.

It understands what Snakemake asks of conda. An environment that it makes holds the packages that
the file pins and no others, as links to this environment's, which must have just these versions.
"""

import json
import os
import stat
import sys
import venv
from importlib.metadata import distribution
from itertools import pairwise
from pathlib import Path

import yaml

ACTIVATE = 'export PATH="$1/bin:$PATH"\nunset PYTHONPATH PYTHONHOME\n'


def install(folder: Path) -> dict[str, str]:
    """Put a ``conda`` into a folder; returns the environment in which it is found."""
    binaries = folder / "bin"
    binaries.mkdir(parents=True)
    (binaries / "activate").write_text(ACTIVATE)
    conda = binaries / "conda"
    conda.write_text(f'#!/bin/sh\nPYTHONPATH= exec "{sys.executable}" "{__file__}" "$@"\n')
    conda.chmod(conda.stat().st_mode | stat.S_IXUSR)
    return {**os.environ, "PATH": f"{binaries}:{os.environ['PATH']}", "STAND_IN": str(folder)}


def create(file: Path, prefix: Path) -> None:
    """Make an environment of what a file pins.

    Raises:
        ValueError: a package has another version here.
    """
    dependencies = yaml.safe_load(file.read_text(encoding="utf-8"))["dependencies"]
    (pins,) = [entry["pip"] for entry in dependencies if isinstance(entry, dict)]
    venv.create(prefix, with_pip=False)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = prefix / "lib" / version / "site-packages"
    for pin in [*(pin for pin in pins if not pin.startswith("--")), "setuptools=="]:
        name, _, wanted = pin.partition("==")
        installed = distribution(name)
        if wanted not in ("", installed.version):
            raise ValueError(f"{name} is {installed.version} here, {file} pins {wanted}")
        link(installed, packages)


def link(installed, packages: Path) -> None:
    """Link all that a distribution has at the top of site-packages."""
    for name in {path.parts[0] for path in installed.files or [] if path.suffix != ".pth"} - {".."}:
        if not (packages / name).exists():  # a folder may be two distributions'
            (packages / name).symlink_to(installed.locate_file(name))


def main(arguments: list[str]) -> None:
    options = dict(pairwise(arguments))
    if arguments[0] == "--version":
        print("conda 25.1.1")
    elif arguments[0] == "info":
        print(json.dumps({"conda_prefix": os.environ["STAND_IN"], "platform": "linux-64"}))
    elif arguments[0] == "config":
        print(json.dumps({"get": {"channel_priority": "strict"}}))
    elif arguments[:2] == ["env", "create"]:
        create(Path(options["--file"]), Path(options["--prefix"]))
    elif arguments[0] == "clean":
        pass  # nothing was downloaded
    else:
        sys.exit(f"the stand-in for conda does not know: {' '.join(arguments)}")


if __name__ == "__main__":
    main(sys.argv[1:])
