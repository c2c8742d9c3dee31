# Needs: the published files, and their archives unpacked.
# Makes: their fingerprints evaluated under both protocols, the numbers of parameters, the paper's
# tables, and figures.


rule count_parameters:
    input:
        artefacts(*weight_files()),
    output:
        counts=f"{RUN}/models/parameters.json",
    log:
        f"{RUN}/logs/count_parameters.log",
    benchmark:
        f"{RUN}/benchmarks/count_parameters.tsv"
    conda:
        f"../envs/torch_{BUILD}.yaml"
    threads: 1
    resources:
        mem_mb=1500,
        runtime=10,
    params:
        systems=[
            section(row, "system", "fingerprints", "optional")
            for row in CONFIG.systems
        ],
    message:
        "Counting the parameters of the published weights"
    script:
        "../scripts/count_parameters.py"


rule evaluate_published:
    input:
        archive=lambda wildcards: artefacts(SYSTEMS[wildcards.system].fingerprints),
        fingerprints=lambda wildcards: unpacked(wildcards.system),
        reranker=lambda wildcards: artefacts(SYSTEMS[wildcards.system].reranker),
        ground_truth=artefacts(CONFIG.data.ground_truth),
        query_index=artefacts(CONFIG.data.query_index),
        groups=artefacts(*CONFIG.data.groups.values()),
        annotations=annotations_of,
    output:
        per_query=f"{RUN}/evaluation/{{system}}/{{protocol}}/per_query.csv",
        metrics=f"{RUN}/evaluation/{{system}}/{{protocol}}/metrics.csv",
        summary=f"{RUN}/evaluation/{{system}}/{{protocol}}/summary.json",
    log:
        f"{RUN}/logs/evaluate_published_{{system}}_{{protocol}}.log",
    benchmark:
        f"{RUN}/benchmarks/evaluate_published_{{system}}_{{protocol}}.tsv"
    conda:
        f"../envs/torch_{BUILD}.yaml"
    threads: CORES
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        system=lambda wildcards: SYSTEMS[wildcards.system].system,
        index=CONFIG.index,
        groups=CONFIG.data.groups,
        evaluation=section(CONFIG.evaluation),
        seed=CONFIG.seed,
    message:
        "Evaluating {wildcards.system}, {wildcards.protocol}"
    script:
        "../scripts/evaluate_published.py"


rule published_tables:
    input:
        metrics=f"{RUN}/report/metrics.csv",
        parameters=f"{RUN}/models/parameters.json",
        artefacts=artefacts(*published_files()),
        quoted=f"{workflow.basedir}/{CONFIG.data.quoted}",
    output:
        [
            report(
                f"{RUN}/report/tables/{name}.html",
                caption=f"../report/published_{name}_table.rst",
                category="Tables",
            )
            for name in TABLES
        ],
        expand(
            f"{RUN}/report/tables/{{name}}.{{format}}",
            name=TABLES,
            format=("csv", "md", "tex", "txt"),
        ),
    log:
        f"{RUN}/logs/published_tables.log",
    benchmark:
        f"{RUN}/benchmarks/published_tables.tsv"
    conda:
        "../envs/audio.yaml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=10,
    params:
        systems=list(SYSTEMS),
        used_by=used_by(),
        confidence=CONFIG.evaluation.confidence,
    message:
        "Writing the paper's tables"
    script:
        "../scripts/published_tables.py"


rule published_figures:
    input:
        metrics=f"{RUN}/report/metrics.csv",
        quoted=f"{workflow.basedir}/{CONFIG.data.quoted}",
    output:
        [
            report(
                f"{RUN}/report/figures/{name}.png",
                caption=f"../report/published_{name}_figure.rst",
                category="Figures",
            )
            for name in figure_names()
        ],
        expand(f"{RUN}/report/figures/{{name}}.pdf", name=figure_names()),
    log:
        f"{RUN}/logs/published_figures.log",
    benchmark:
        f"{RUN}/benchmarks/published_figures.tsv"
    conda:
        "../envs/audio.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        systems=list(SYSTEMS),
        protocols=CONFIG.protocols,
        confidence=CONFIG.evaluation.confidence,
    message:
        "Drawing the figures"
    script:
        "../scripts/published_figures.py"
