"""Which upstream files, tables and figures the rules beside this file are about."""

PAPER_TABLES = ["main", "hit_rates", "sample_types", "interpolation", "artefacts"]
PAPER_FIGURES = ["hit_rates", "map"]
EVALUATION = f"{RUN}/evaluation/{{system}}/{{protocol}}"


def artefacts(*names):
    """Folders of upstream files, each with its record; None is left out."""
    return [f"{RUN}/artefacts/{name}" for name in names if name is not None]


def evaluated_files(wildcards):
    """Folders of what the evaluation of a system reads."""
    system, data = SYSTEMS[wildcards.system], CONFIG.data
    files = [system.fingerprints, system.reranker, data.ground_truth, data.query_index]
    files += data.groups.values()
    # The corrected protocol takes the groups of queries from the annotations.
    files += [data.annotations] if wildcards.protocol == "corrected" else []
    return artefacts(*files)


def unpacked(wildcards):
    """The folder of a system's fingerprints."""
    return f"{RUN}/unpacked/{SYSTEMS[wildcards.system].fingerprints}"


wildcard_constraints:
    protocol="released|corrected",
