"""What holds for every rule: the order of its keys, its script, its environment."""

import ast
import re
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from runpy import run_path

import pytest
import yaml
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
KEYS = ["input", "output", "log", "benchmark", "conda", "threads", "resources", "params", "message",
        "script"]  # fmt: skip
ALWAYS = {*KEYS} - {"input", "params", "resources"}
RULE_FILES = [*sorted((ROOT / "rules").rglob("*.smk")), ROOT / "upstream/rules.smk"]
OPTIONAL = {"dgl"}  # an extra that nobody needs; its tests may have installed it
ENVIRONMENTS = sorted((ROOT / "envs").glob("*.yaml"))


def rules() -> dict[str, str]:
    """Text of each rule that runs a script, by name."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in RULE_FILES)
    parts = re.split(r"^ *rule (\w+):$", text, flags=re.MULTILINE)[1:]
    texts = zip(parts[::2], parts[1::2], strict=True)
    return {name: text for name, text in texts if "script:" in text}


def pinned(environment: Path) -> dict[str, str]:
    """Packages that an environment takes from PyPI, by normalised name."""
    dependencies = yaml.safe_load(environment.read_text(encoding="utf-8"))["dependencies"]
    (from_pypi,) = [entry["pip"] for entry in dependencies if isinstance(entry, dict)]
    pins = [entry.split("==") for entry in from_pypi if not entry.startswith("--")]
    return {canonicalize_name(name): version for name, version in pins}


def environment_of(name: str, build: str) -> str:
    """The environment that a rule names for one of the builds, cpu or gpu."""
    (file,) = re.findall(r'envs/(.+)\.yaml"', rules()[name])
    return file.replace("{BUILD}", build)


@cache
def installed() -> dict[str, list[str]]:
    """Which distributions bring a module, for all modules of this environment."""
    return dict(packages_distributions())


@cache
def modules_in(path: Path) -> frozenset[str]:
    """Names that a file imports, in full; of ``from a import b`` both ``a`` and ``a.b``."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)}
    return frozenset(found)


@cache
def own_files(path: Path) -> frozenset[Path]:
    """A file and all files of the project that it imports, directly or not."""
    own = [module_file(module) for module in modules_in(path)]
    return frozenset([path]).union(*(own_files(file) for file in own if file is not None))


@cache
def imported(path: Path) -> frozenset[str]:
    """Top-level names outside the project that a file imports, its own modules' included."""
    modules = {module for file in own_files(path) for module in modules_in(file)}
    # _job needs what all have
    return frozenset(name.split(".")[0] for name in modules) - {"neuralsampleid", "_job"}


def module_file(module: str) -> Path | None:
    path = ROOT / f"{module.replace('.', '/')}.py"
    return path if path.is_file() else None


@pytest.mark.parametrize("name", rules())
def test_rule_has_its_keys_in_order_and_a_script_of_its_name(name: str) -> None:
    text = rules()[name]
    keys = [key for key in re.findall(r"^ {4,8}(\w+):", text, re.MULTILINE) if key in KEYS]
    assert keys == sorted(keys, key=KEYS.index)
    assert set(keys) >= ALWAYS
    assert f'../scripts/{name}.py"' in text
    assert (ROOT / "scripts" / f"{name}.py").is_file()


def test_every_script_belongs_to_a_rule() -> None:
    scripts = {path.stem for path in (ROOT / "scripts").glob("*.py")} - {"_job"}
    assert scripts == set(rules())


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda path: path.stem)
def test_environment_is_what_its_scripts_need_at_locked_versions(environment: Path) -> None:
    pin = run_path(str(ROOT / "envs/pin.py"))
    assert environment.read_text(encoding="utf-8") == pin["environment"](environment.stem)
    versions = pin["locked_versions"]()
    for name, version in pinned(environment).items() - pin["FAISS_ON_GPU"].items():
        assert version.removesuffix("+cpu") == versions[name]


def test_environments_are_exact_and_all_are_used() -> None:
    used = {environment_of(name, build) for name in rules() for build in ("cpu", "gpu")}
    assert used == {path.stem for path in ENVIRONMENTS}
    for path in ENVIRONMENTS:
        dependencies = yaml.safe_load(path.read_text(encoding="utf-8"))["dependencies"]
        assert all(re.search(r"[^=]=[\d.]+$", entry) for entry in dependencies[:-1])
        assert {entry.split("=")[0] for entry in dependencies[:-1]} >= {"python", "pip"}


def test_environments_whose_scripts_read_any_audio_have_ffmpeg() -> None:
    functions = "decode|read_any_audio|read_tracks|audio_seconds"
    reads = re.compile(rf"audio\.ffmpeg import .*\b({functions})\b")
    readers = {
        environment_of(name, build)
        for name in rules()
        for build in ("cpu", "gpu")
        if any(reads.search(path.read_text()) for path in own_files(ROOT / f"scripts/{name}.py"))
    }
    assert readers
    for path in ENVIRONMENTS:
        dependencies = yaml.safe_load(path.read_text(encoding="utf-8"))["dependencies"]
        has_it = any(str(entry).startswith("ffmpeg=") for entry in dependencies)
        assert has_it == (path.stem in readers), path


def test_jobs_that_can_use_a_gpu_ask_for_one_with_device_cuda_alone() -> None:
    asking = {name for name, text in rules().items() if re.search(r"^ +gpu=GPUS\b", text, re.M)}
    assert asking >= {
        "separate",
        "pretrain",
        "train_reranker",
        "fingerprint",
        "build_index",
        "match",
    }
    common = (ROOT / "rules/common.smk").read_text(encoding="utf-8")
    assert 'GPUS = 1 if CONFIG.device == "cuda" else 0\n' in common


def test_builds_of_torch_and_faiss_follow_the_device() -> None:
    cpu, gpu = (pinned(ROOT / f"envs/torch_{name}.yaml") for name in ("cpu", "gpu"))
    assert cpu["torch"] == f"{gpu['torch']}+cpu"
    assert gpu["faiss-gpu"] == cpu["faiss-cpu"]
    assert "faiss-cpu" not in gpu
    assert not [name for name in cpu if name.startswith("nvidia")]


@pytest.mark.parametrize("build", ["cpu", "gpu"])
@pytest.mark.parametrize("name", rules())
def test_environment_has_what_the_script_imports(name: str, build: str) -> None:
    environment = ROOT / "envs" / f"{environment_of(name, build)}.yaml"
    distributions = installed()
    wanted = {
        canonicalize_name(distributions[module][0])
        for module in imported(ROOT / "scripts" / f"{name}.py")
        if module in distributions
    }
    if build == "gpu":
        wanted = {name.replace("faiss-cpu", "faiss-gpu") for name in wanted}
    assert wanted - OPTIONAL <= set(pinned(environment))


@pytest.mark.parametrize("name", rules())
def test_a_job_asks_for_more_when_it_is_repeated(name: str) -> None:
    asked = re.findall(r"(?:mem_mb|runtime)=(.+),$", rules()[name], flags=re.MULTILINE)
    assert all(re.fullmatch(r"attempts\(\d+\)", one) for one in asked)


def test_the_cluster_profile_has_what_rules_do_not_say_and_names_rules_only() -> None:
    profile = yaml.safe_load((ROOT / "profiles/slurm/config.yaml").read_text(encoding="utf-8"))
    assert set(profile["default-resources"]) == {"mem_mb", "runtime"}
    assert all(value.startswith("attempt * ") for value in profile["default-resources"].values())
    # A rule that takes all cores of one machine is told how many to take of a cluster's.
    several = {name for name, text in rules().items() if "    threads: 16\n" in text}
    assert several <= set(profile["set-threads"]) <= set(rules())


def test_lock_file_fits_machines_without_a_gpu() -> None:
    locked = run_path(str(ROOT / "envs/pin.py"))["locked_versions"]()
    assert not [name for name in locked if name.startswith(("nvidia", "triton"))]
    assert all("+" not in version for version in locked.values())
