"""What the report of a run consists of; a figure of what was not trained cannot be drawn."""

from __future__ import annotations

from neuralsampleid.config import Config

TABLES = (
    "main", "hit_rates", "sample_types", "conditions", "localisation", "answers",
    "median_ranks", "comparisons",
)  # fmt: skip
FORMATS = ("csv", "md", "tex", "txt")  # of a table, beside HTML


def tables_of(config: Config) -> list[str]:
    """Names of the tables; only queries of a recipe have grades."""
    return [*TABLES, *(["grades"] if hasattr(config.data, "grades") else [])]


def figures_of(config: Config) -> list[str]:
    """Names of the figures."""
    names = ["hit_rates", "map", "ranks", "conditions", "localisation", "answers"]
    names += ["calibration"] if config.used_rerankers else []
    names += ["learning_curves"] if config.trained_models else []
    names += ["separation"] if config.needs_stems and config.data.kind == "demo" else []
    return names


def files_of(config: Config) -> list[str]:
    """Files in the folder ``report`` that make the others necessary, too."""
    files = ["metrics.csv", "provenance.json", "comparisons.csv", "found_by_one.csv"]
    files += [f"tables/{name}.md" for name in tables_of(config)]
    files += [f"figures/{name}.png" for name in figures_of(config)]
    files += ["index.html"] if config.page_system else []
    return files
