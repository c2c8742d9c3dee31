"""Which upstream files, tables and figures the rules beside this file are about."""

TABLES = ["main", "hit_rates", "sample_types", "interpolation", "artefacts"]
FIGURES = ["hit_rates", "map"]
EVALUATION = f"{RUN}/evaluation/{{system}}/{{protocol}}"
COLLECTED = {
    "metrics": expand(
        f"{EVALUATION}/metrics.csv", system=SYSTEMS, protocol=CONFIG.protocols
    )
}
REQUIRED_ARTEFACTS = CONFIG.required_files


def artefacts(*names):
    """Folders of upstream files, each with its record; None is left out."""
    return [f"{RUN}/artefacts/{name}" for name in names if name is not None]


def evaluated(wildcards):
    """What the evaluation of a system reads beside the ground truth."""
    system = SYSTEMS[wildcards.system]
    return {
        "archive": artefacts(system.fingerprints),
        "fingerprints": f"{RUN}/unpacked/{system.fingerprints}",
        "reranker": artefacts(system.reranker),
        # The corrected protocol takes the groups of queries from the annotations.
        "annotations": (
            artefacts(CONFIG.data.annotations)
            if wildcards.protocol == "corrected"
            else []
        ),
    }


def data_files():
    """Every upstream file of the run."""
    return artefacts(*CONFIG.files)


def final_output():
    """Everything that the report consists of."""
    files = ["metrics.csv", "provenance.json"]
    files += [f"tables/{name}.md" for name in TABLES]
    files += [f"figures/{name}.png" for name in FIGURES]
    return [f"{RUN}/report/{file}" for file in files]


wildcard_constraints:
    protocol="released|corrected",
