"""Write the locks and the conda environments: what is wanted and needed, as installed here.

``make lock`` runs it in an environment that holds everything; a test keeps the files in step.
Linux on x86-64: the CPU builds of torch come from PyTorch's own index, the CUDA builds from PyPI,
whose wheels bring CUDA's libraries with them.
"""

import re
import tomllib
from collections.abc import Iterable
from importlib.metadata import requires, version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
FROM_CONDA = ("python=3.11.13", "pip=25.2", "setuptools=80.9.0")
FFMPEG = "ffmpeg=7.1.1"  # for M4A, where audio of a user's own is read
READS_ANY_AUDIO = {"audio", "torch_cpu", "torch_gpu"}
CPU_INDEX = "--extra-index-url https://download.pytorch.org/whl/cpu"
LOCKS = {  # file: the project's extras in it, beside what every user of it needs; what for
    "requirements.lock": (("train", "workflow", "development"), "the demo, the tests, the tools"),
    "requirements-dvc.lock": (("dvc",), "make pull; beside requirements.lock"),
}
AUDIO = """numpy numba scipy pandas pyyaml pydantic filelock soundfile soxr tinytag symusic
    pretty_midi python-stretch matplotlib jinja2 tabulate tqdm zstandard"""
SEPARATION = "numpy scipy pandas pyyaml pydantic soundfile soxr torch demucs"
TORCH = (
    "numpy numba scipy pandas pyyaml pydantic soundfile soxr tinytag torch lightning torchmetrics "
    "faiss-cpu"
)
ENVIRONMENTS = {  # file: what it is for, and what the rules' scripts import
    "audio": ("Music, catalogue, hpss, metrics, tables and figures; no torch.", AUDIO),
    "separation_cpu": ("Stems, by HTDemucs too.", SEPARATION),
    "separation_gpu": ("Stems, by HTDemucs too, on a GPU.", SEPARATION),
    "torch_cpu": ("Training, fingerprints, search.", TORCH),
    "torch_gpu": ("Training, fingerprints, search, on a GPU (driver for CUDA 13).", TORCH),
}
# torch's CUDA packages are pinned by torch itself; FAISS leaves a range.
FAISS_ON_GPU = {
    "faiss-gpu": "1.15.1",
    "nvidia-cublas-cu12": "12.9.1.4",
    "nvidia-cuda-runtime-cu12": "12.9.79",
    "nvidia-curand-cu12": "10.3.10.19",
}


def wanted(extras: Iterable[str]) -> list[str]:
    """Requirements of the project itself and of some of its extras."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    lists = [project["dependencies"], *(project["optional-dependencies"][name] for name in extras)]
    needs = [line for part in lists for line in part]
    return [line for line in needs if not line.startswith(project["name"])]


def lock(name: str) -> str:
    """The text of a lock; what stands in requirements.lock is not repeated."""
    extras, purpose = LOCKS[name]
    packages = set(with_needs(wanted(extras)))
    if name != "requirements.lock":
        packages -= set(locked_versions())
    # A build of torch for CPUs is another file of the same version.
    pins = [f"{package}=={version(package).split('+')[0]}" for package in sorted(packages)]
    return "\n".join([f"# Exact versions for {purpose}; written by 'make lock'.", *pins]) + "\n"


def locked_versions() -> dict[str, str]:
    """Versions in requirements.lock, by normalised name."""
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    pins = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pins}


def with_needs(packages: list[str]) -> list[str]:
    """Packages and, as installed here, whatever they need; normalised names, sorted.

    CUDA's own packages and setuptools are left out, as in requirements.lock.
    """
    done: set[tuple[str, str]] = set()
    waiting = [Requirement(package) for package in packages]
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if re.match(r"nvidia-|triton$|cuda-|setuptools$", name):
            continue
        for extra in {"", *requirement.extras}:
            if (name, extra) not in done:
                done.add((name, extra))
                needs = [Requirement(line) for line in requires(name) or []]
                waiting += [n for n in needs if not n.marker or n.marker.evaluate({"extra": extra})]
    return sorted({name for name, _ in done})


def pins(name: str) -> dict[str, str]:
    """What an environment takes from PyPI: versions by normalised name."""
    locked = locked_versions()
    versions = {package: locked[package] for package in with_needs(ENVIRONMENTS[name][1].split())}
    if name.endswith("_cpu"):
        versions["torch"] += "+cpu"
    elif versions.pop("faiss-cpu", None) and name.endswith("_gpu"):
        versions |= FAISS_ON_GPU
    return dict(sorted(versions.items()))


def environment(name: str) -> str:
    """The text of ``envs/<name>.yaml``."""
    from_conda = [*FROM_CONDA, *([FFMPEG] if name in READS_ANY_AUDIO else [])]
    lines = [
        f"# {ENVIRONMENTS[name][0]} Written by 'make lock'.",
        "channels:",
        "  - conda-forge",
        "dependencies:",
        *(f"  - {package}" for package in from_conda),
        "  - pip:",
        *([f"      - {CPU_INDEX}"] if name.endswith("_cpu") else []),
        *(f"      - {package}=={version}" for package, version in pins(name).items()),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    for name in LOCKS:
        (ROOT / name).write_text(lock(name), encoding="utf-8")
    for name in ENVIRONMENTS:
        (ROOT / "envs" / f"{name}.yaml").write_text(environment(name), encoding="utf-8")
