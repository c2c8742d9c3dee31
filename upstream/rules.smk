# Needs: the upstream release's files, fetched, and its archives of fingerprints unpacked.
# Makes: the fingerprints evaluated under both protocols, the numbers of parameters, the paper's
# tables, and figures.


include: "common.smk"
include: "../rules/artefacts.smk"


rule whole_report:
    input:
        expand(f"{RUN}/report/{{name}}", name=["metrics.csv", "provenance.json"]),
        expand(f"{RUN}/report/tables/{{name}}.md", name=PAPER_TABLES),
        expand(f"{RUN}/report/figures/{{name}}.png", name=PAPER_FIGURES),


rule data:
    input:
        artefacts(*CONFIG.files),


rule upstream_parameters:
    input:
        artefacts(*CONFIG.weight_files),
    output:
        counts=f"{RUN}/models/parameters.json",
    log:
        f"{RUN}/logs/upstream_parameters.log",
    benchmark:
        f"{RUN}/benchmarks/upstream_parameters.tsv"
    conda:
        f"../envs/torch_{BUILD}.yaml"
    threads: 1
    resources:
        mem_mb=attempts(4000),
    params:
        systems=[section(row) for row in CONFIG.systems],
    message:
        "Counting the parameters of the upstream weights"
    script:
        "../scripts/upstream_parameters.py"


rule evaluate_upstream:
    input:
        artefacts=evaluated_files,
        fingerprints=unpacked,
    output:
        per_query=f"{EVALUATION}/per_query.csv",
        metrics=f"{EVALUATION}/metrics.csv",
        summary=f"{EVALUATION}/summary.json",
    log:
        f"{RUN}/logs/evaluate_upstream_{{system}}_{{protocol}}.log",
    benchmark:
        f"{RUN}/benchmarks/evaluate_upstream_{{system}}_{{protocol}}.tsv"
    conda:
        f"../envs/torch_{BUILD}.yaml"
    threads: 16
    resources:
        mem_mb=attempts(16000),
        runtime=attempts(120),
    params:
        system=lambda wildcards: section(SYSTEMS[wildcards.system]),
        data=section(CONFIG.data),
        index=CONFIG.index,
        evaluation=section(CONFIG.evaluation),
        seed=CONFIG.seed,
    message:
        "Evaluating {wildcards.system}, {wildcards.protocol}"
    script:
        "../scripts/evaluate_upstream.py"


rule upstream_tables:
    input:
        metrics=f"{RUN}/report/metrics.csv",
        parameters=f"{RUN}/models/parameters.json",
        artefacts=artefacts(*CONFIG.files),
        quoted=f"{workflow.basedir}/{CONFIG.data.quoted}",
    output:
        [
            report(
                f"{RUN}/report/tables/{name}.html",
                caption=f"../report/upstream_{name}_table.rst",
                category="Tables",
                labels={"table": name},
            )
            for name in PAPER_TABLES
        ],
        expand(
            f"{RUN}/report/tables/{{name}}.{{format}}",
            name=PAPER_TABLES,
            format=FORMATS,
        ),
    log:
        f"{RUN}/logs/upstream_tables.log",
    benchmark:
        f"{RUN}/benchmarks/upstream_tables.tsv"
    conda:
        "../envs/audio.yaml"
    threads: 1
    params:
        systems=LABELS,
        used_by=CONFIG.used_by(),
        confidence=CONFIG.evaluation.confidence,
    message:
        "Writing the paper's tables"
    script:
        "../scripts/upstream_tables.py"


rule upstream_figures:
    input:
        metrics=f"{RUN}/report/metrics.csv",
        quoted=f"{workflow.basedir}/{CONFIG.data.quoted}",
    output:
        [
            report(
                f"{RUN}/report/figures/{name}.png",
                caption=f"../report/upstream_{name}_figure.rst",
                category="Figures",
                labels={"figure": name},
            )
            for name in PAPER_FIGURES
        ],
        expand(f"{RUN}/report/figures/{{name}}.pdf", name=PAPER_FIGURES),
    log:
        f"{RUN}/logs/upstream_figures.log",
    benchmark:
        f"{RUN}/benchmarks/upstream_figures.tsv"
    conda:
        "../envs/audio.yaml"
    threads: 1
    params:
        systems=LABELS,
        protocols=CONFIG.protocols,
        confidence=CONFIG.evaluation.confidence,
    message:
        "Drawing the figures"
    script:
        "../scripts/upstream_figures.py"
