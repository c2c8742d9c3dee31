"""The library's order: imports go one way, names are nouns, files are short."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
LIBRARY = ROOT / "neuralsampleid"
FILES = sorted(LIBRARY.rglob("*.py"))
# Later lines may import earlier ones; of one line none imports another. "low" is all that has no
# line: errors, files, processes, artefacts and the like.
LAYERS = [
    ["low"],
    ["config"],
    ["devices", "audio"],
    ["catalogue"],
    ["composer"],
    ["datasets", "separation", "models"],
    ["training", "fingerprints", "landmarks"],
    ["matching"],
    ["evaluation", "library"],
    ["report"],
    ["exports", "upstream", "studies"],
    ["cli"],
]
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
NOUNS = {"precomputed", "seed", "speed", "feed"}
PARTICIPLES = {
    "built", "chosen", "cut", "drawn", "found", "given", "kept", "known", "made", "shown",
    "sought", "taken", "told", "written",
}  # fmt: skip


def room(module: str) -> str:
    """The line's name in ``LAYERS`` of a module such as ``neuralsampleid.audio.io``."""
    return next((part for part in module.split(".")[1:2] if part in RANK), "low")


def imports(path: Path) -> set[str]:
    """The library's modules that a file imports, those for type checkers only included."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module == LIBRARY.name:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(str(node.module))
    return {name for name in found if name.split(".")[0] == LIBRARY.name}


def test_imports_go_one_way():
    wrong = []
    for path in set(FILES) - {LIBRARY / "__init__.py"}:  # which names what the Python API has
        own = room(".".join(path.relative_to(ROOT).with_suffix("").parts))
        others = {module: room(module) for module in imports(path)}
        wrong += [
            f"{path.relative_to(ROOT)} imports {module}"
            for module, other in others.items()
            if other != own and RANK[other] >= RANK[own]
        ]
    assert not wrong


def test_the_order_names_what_is_there():
    assert set(RANK) - {"low"} <= {path.stem for path in LIBRARY.iterdir()}


def test_modules_are_named_after_things():
    last = {path.stem.split("_")[-1] for path in FILES}
    assert not {word for word in last - NOUNS if word.endswith("ed") or word in PARTICIPLES}


def test_tests_use_public_names():
    private = []
    for path in (ROOT / "tests").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith(LIBRARY.name):
                private += [alias.name for alias in node.names if alias.name.startswith("_")]
            elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "setattr":
                names = [part.value for part in node.args if isinstance(part, ast.Constant)]
                private += [name for name in names if re.search(r"(^|\.)_[a-zA-Z]", str(name))]
    assert not private


def test_files_are_short():
    folders = ("neuralsampleid", "scripts", "benchmarks", "envs", "tests")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    files += [ROOT / "Snakefile", *ROOT.glob("rules/*.smk"), *ROOT.glob("upstream/*.smk")]
    most = {"common.smk": 150, "Snakefile": 80}
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    assert not {path: lines for path, lines in lengths.items() if lines > most.get(path.name, 400)}
    snakefile = (ROOT / "Snakefile").read_text(encoding="utf-8")
    assert len(re.findall(r"^\s*(?:el)?if\b", snakefile, re.MULTILINE)) <= 2
