# Needs: metrics and per-query results of all systems, learning curves, the stems' quality.
# Makes: tables and figures.


rule tables:
    input:
        metrics=f"{RUN}/report/metrics.csv",
        quantities=f"{RUN}/report/quantities.csv",
        comparisons=f"{RUN}/report/comparisons.csv",
    output:
        [
            report(
                f"{RUN}/report/tables/{name}.html",
                caption=f"../report/{name}_table.rst",
                category="Tables",
                labels={"table": name},
            )
            for name in tables_of(CONFIG)
        ],
        expand(
            f"{RUN}/report/tables/{{name}}.{{format}}",
            name=tables_of(CONFIG),
            format=FORMATS,
        ),
    log:
        f"{RUN}/logs/tables.log",
    benchmark:
        f"{RUN}/benchmarks/tables.tsv"
    conda:
        "../envs/audio.yaml"
    threads: 1
    params:
        tables=tables_of(CONFIG),
        systems=LABELS,
        cutoffs=CONFIG.metrics.cutoffs,
        confidence=CONFIG.intervals.confidence,
    message:
        "Writing the tables"
    script:
        "../scripts/tables.py"


rule figures:
    input:
        metrics=f"{RUN}/report/metrics.csv",
        quantities=f"{RUN}/report/quantities.csv",
        reliability=f"{RUN}/report/reliability.csv",
        answers=f"{RUN}/report/answers.csv",
        per_query=expand(f"{RUN}/evaluation/{{system}}/per_query.csv", system=SYSTEMS),
        curves=expand(f"{RUN}/models/{{model}}/curves.csv", model=CONFIG.trained_models),
        quality=f"{RUN}/stems/quality.csv" if "separation" in figures_of(CONFIG) else [],
    output:
        [
            report(
                f"{RUN}/report/figures/{name}.png",
                caption=f"../report/{name}_figure.rst",
                category="Figures",
                labels={"figure": name},
            )
            for name in figures_of(CONFIG)
        ],
        expand(f"{RUN}/report/figures/{{name}}.pdf", name=figures_of(CONFIG)),
    log:
        f"{RUN}/logs/figures.log",
    benchmark:
        f"{RUN}/benchmarks/figures.tsv"
    conda:
        "../envs/audio.yaml"
    threads: 1
    resources:
        mem_mb=attempts(4000),
    params:
        systems=LABELS,
        kinds={name: row.kind for name, row in SYSTEMS.items()},
        cutoffs=CONFIG.metrics.cutoffs,
        confidence=CONFIG.intervals.confidence,
        reranked=bool(CONFIG.used_rerankers),
    message:
        "Drawing the figures"
    script:
        "../scripts/figures.py"
