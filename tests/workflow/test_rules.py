"""What holds for every rule: the order of its keys, its script, its environment."""

import ast
import re
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
KEYS = ["input", "output", "log", "benchmark", "conda", "threads", "resources", "params", "message",
        "script"]  # fmt: skip
ALWAYS = {*KEYS} - {"input", "params"}
RULE_FILES = sorted((ROOT / "rules").glob("*.smk"))
OPTIONAL = {"dgl"}  # an extra that nobody needs; its tests may have installed it
ENVIRONMENTS = sorted((ROOT / "envs").glob("*.yaml"))


def rules() -> dict[str, str]:
    """Text of each rule that runs a script, by name."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in RULE_FILES)
    parts = re.split(r"^ *rule (\w+):$", text, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def locked() -> dict[str, str]:
    """Versions in the lock file, by normalised name."""
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    pins = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {normalised(name): version for name, version in pins}


def pinned(environment: Path) -> dict[str, str]:
    """Packages that an environment takes from PyPI, by normalised name."""
    dependencies = yaml.safe_load(environment.read_text(encoding="utf-8"))["dependencies"]
    (from_pypi,) = [entry["pip"] for entry in dependencies if isinstance(entry, dict)]
    pins = [entry.split("==") for entry in from_pypi]
    return {normalised(name): version for name, version in pins}


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@cache
def imported(path: Path) -> frozenset[str]:
    """Top-level names outside the project that a file imports, its own modules' included."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules = [str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        for module in modules:
            own = module_file(module)
            if own is not None:
                found |= imported(own)
            elif module.split(".")[0] not in {"neuralsampleid", "_job"}:  # _job needs what all have
                found.add(module.split(".")[0])
    return frozenset(found)


def module_file(module: str) -> Path | None:
    path = ROOT / f"{module.replace('.', '/')}.py"
    return path if path.is_file() else None


@pytest.mark.parametrize("name", rules())
def test_rule_has_its_keys_in_order_and_a_script_of_its_name(name: str) -> None:
    text = rules()[name]
    keys = [key for key in re.findall(r"^ {4,8}(\w+):", text, re.MULTILINE) if key in KEYS]
    assert keys == sorted(keys, key=KEYS.index)
    assert set(keys) >= ALWAYS
    assert f'"../scripts/{name}.py"' in text
    assert (ROOT / "scripts" / f"{name}.py").is_file()


def test_every_script_belongs_to_a_rule() -> None:
    scripts = {path.stem for path in (ROOT / "scripts").glob("*.py")} - {"_job"}
    assert scripts == set(rules())


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda path: path.stem)
def test_environment_has_the_versions_of_the_lock_file(environment: Path) -> None:
    versions = locked()
    assert {name: versions.get(name) for name in pinned(environment)} == pinned(environment)


@pytest.mark.parametrize("name", rules())
def test_environment_has_what_the_script_imports(name: str) -> None:
    (environment,) = re.findall(r'"\.\./(envs/\w+\.yaml)"', rules()[name])
    distributions = packages_distributions()
    wanted = {
        normalised(distributions[module][0])
        for module in imported(ROOT / "scripts" / f"{name}.py")
        if module in distributions
    }
    assert wanted - OPTIONAL <= set(pinned(ROOT / environment))


def test_lock_file_fits_machines_without_a_gpu() -> None:
    assert not [name for name in locked() if name.startswith(("nvidia", "triton"))]
    assert all("+" not in version for version in locked().values())
