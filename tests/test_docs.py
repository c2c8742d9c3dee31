"""What texts point to exists: files, lines, headings, tests, modules."""

import ast
import re
from itertools import product
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
FOLDERS = ["benchmarks", "docs", "envs", "neuralsampleid", "profiles", "report", "rules"]
FOLDERS += ["scripts", "tests", "upstream"]
PAGES = [
    ROOT / "README.md",
    *(path for folder in ("docs", "benchmarks", "config") for path in ROOT.glob(f"{folder}/*.md")),
]
SOURCES = [
    *PAGES,
    *(ROOT / name for name in ("Makefile", "Snakefile", "config.yaml")),
    *sorted(ROOT.glob("config/*.yaml")),
    *sorted(ROOT.glob("profiles/*/*.yaml")),
    *sorted(ROOT.glob("rules/**/*.smk")),
    *sorted(ROOT.glob("upstream/*.*")),
    *(path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))),
]
SOURCES.remove(Path(__file__))
# A path from the top of the repository, perhaps with a line; not where an f-string goes on.
PATH = re.compile(
    rf"(?<![\w/.}}>~…*{{-])((?:{'|'.join(FOLDERS)})/[\w./*-]*(?:\{{\w+(?:,\w+)+\}}[\w./*-]*)?)"
    r"(?![{\w])(?::(\d+))?"
)
OF_A_RUN = re.compile(r"report/(?!\w+\.rst)|benchmarks/.*\.tsv")
CITED = re.compile(r'docs/(\w[\w-]*)\.md,((?: "[^"]+",?)+)')


def plain(path: Path) -> str:
    """A file's text with lines joined, so that a citation may be broken over two."""
    return re.sub(r"\s+(?:# )?", " ", path.read_text(encoding="utf-8"))


def headings(page: Path) -> list[str]:
    """The headings of a page, at any level."""
    return re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)


def anchor(heading: str) -> str:
    """A heading's name in links, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def alternatives(pattern: str) -> list[str]:
    """A path with ``{a,b}`` → both paths."""
    parts = [part.split(",") for part in re.split(r"[{}]", pattern)]
    return ["".join(choice) for choice in product(*parts)]


def test_the_audit_names_tests_that_exist():
    text = (ROOT / "docs" / "released-code-audit.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", text))
    assert len(named) > 30
    for file, name in sorted(named):
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        assert name in functions, f"{file}::{name}"


def test_files_that_are_named_exist():
    for source in SOURCES:
        for path, line in PATH.findall(source.read_text(encoding="utf-8")):
            if OF_A_RUN.match(path):
                continue
            for name in alternatives(path.rstrip(".-")):
                files = sorted(ROOT.glob(name)) if "*" in name else [ROOT / name]
                assert files and all(file.exists() for file in files), f"{source}: {name}"
                if line:
                    lines = files[0].read_text(encoding="utf-8").splitlines()
                    assert int(line) <= len(lines), f"{source}: {name}:{line}"


def test_links_lead_somewhere():
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for path, place in re.findall(r"\]\((?!https?:)([^)#\s]*)#?([^)\s]*)\)", text):
            target = page.parent / path if path else page
            assert target.exists(), f"{page}: {path}"
            known = map(anchor, headings(target)) if place else ()
            assert not place or place in known, f"{page}: {path}#{place}"


def test_sections_that_are_cited_exist():
    cited = [
        (source, page, heading)
        for source in SOURCES
        for page, quoted in CITED.findall(plain(source))
        for heading in re.findall(r'"([^"]+)"', quoted)
    ]
    assert len(cited) > 20
    for source, page, heading in cited:
        assert heading in headings(ROOT / f"docs/{page}.md"), f"{source}: {page}, {heading}"


def test_every_benchmark_is_in_the_list_and_has_a_page():
    text = (ROOT / "benchmarks/README.md").read_text(encoding="utf-8")
    scripts = {path.name for path in ROOT.glob("benchmarks/*.py")}
    assert set(re.findall(r"(\w+\.py)", text)) == scripts
    assert set(re.findall(r"\((\w+\.md)\)", text)) == {
        path.name for path in ROOT.glob("benchmarks/*.md") if path.name != "README.md"
    }


def test_the_architecture_names_every_module():
    """In its table of packages, and no other."""
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    table = text.split("| module | what it does |")[1].split("\n\n")[0]
    named = re.findall(r"`(\w+/?)`", " ".join(re.findall(r"^\| ([^|]+) \|", table, re.MULTILINE)))
    package = ROOT / "neuralsampleid"
    modules = {path.stem for path in package.glob("*.py") if path.stem != "__init__"}
    folders = {f"{path.parent.name}/" for path in package.glob("*/__init__.py")}
    assert sorted(named) == sorted(modules | folders)


def test_every_output_column_has_a_comment():
    text = (ROOT / "neuralsampleid/catalogue/formats.py").read_text(encoding="utf-8")
    lines = re.findall(r'^ +"(\w+)": (?:str|float),(.*)$', text, re.MULTILINE)
    explained = {name for name, comment in lines if comment}
    assert explained == {name for name, _ in lines}


def test_tables_of_benchmarks_have_the_columns_that_scripts_print():
    pages = {page.stem: page for page in ROOT.glob("benchmarks/*.md")}
    for name in pages.keys() - {"README"}:
        source = (ROOT / f"benchmarks/{name}.py").read_text(encoding="utf-8").lower()
        text = pages[name].read_text(encoding="utf-8")
        tables = re.findall(r"^\|(.+)\|\n\|---", text, re.MULTILINE)
        assert tables, name
        for word in re.findall(r"[a-z]+", " ".join(tables).lower()):
            assert word in source, f"{name}: '{word}'"


def test_config_keys_that_are_named_exist():
    config = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    sections = {*config, "evaluation", "report", "reranker", "hardware"}  # former ones, too
    named = [
        (page, key)
        for page in PAGES
        for key in re.findall(r"`(\w+(?:\.\w+)+)[`:]", page.read_text(encoding="utf-8"))
        if key.split(".")[0] in sections
        and key.split(".")[-1] not in {"csv", "html", "md", "json", "py", "sqlite", "yaml"}
    ]
    assert len(named) > 5
    for page, key in named:
        value = config
        for part in key.split("."):
            of_data = key.startswith("data.")  # other kinds of data have other keys
            assert part in value or of_data, f"{page}: {key}"
            value = value.get(part, {})


def test_make_has_the_targets_that_are_named():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for target in re.findall(r"(?:`|^)make ([a-z-]+)", text, re.MULTILINE):
            assert target in targets, f"{page}: make {target}"
