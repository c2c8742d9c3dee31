# Needs: the metrics of each system.
# Makes: the long metrics table and its like, a summary per system, and the record of what made them;
# whatever kind of run it is.


rule collect_metrics:
    input:
        **{
            name: expand(
                f"{RUN}/evaluation/{{folder}}/{name}.csv", folder=CONFIG.evaluations
            )
            for name in CONFIG.collected
        },
    output:
        **{name: f"{RUN}/report/{name}.csv" for name in CONFIG.collected[1:]},
        metrics=report(
            f"{RUN}/report/metrics.csv",
            caption="../report/metrics.rst",
            category="Tables",
            labels={"table": "metrics"},
        ),
        summaries=expand(f"{RUN}/report/metrics/{{system}}.json", system=SYSTEMS),
    log:
        f"{RUN}/logs/collect_metrics.log",
    benchmark:
        f"{RUN}/benchmarks/collect_metrics.tsv"
    conda:
        "../envs/audio.yaml"
    threads: 1
    message:
        "Collecting the metrics of all systems"
    script:
        "../scripts/collect_metrics.py"


rule provenance:
    input:
        f"{RUN}/report/metrics.csv",
    output:
        record=f"{RUN}/report/provenance.json",
        config=f"{RUN}/report/config.yaml",
    log:
        f"{RUN}/logs/provenance.log",
    benchmark:
        f"{RUN}/benchmarks/provenance.tsv"
    conda:
        f"../envs/torch_{BUILD}.yaml"
    threads: 1
    resources:
        mem_mb=attempts(4000),
        gpu=GPUS,
    params:
        config=section(CONFIG),
    message:
        "Recording configuration and versions"
    script:
        "../scripts/provenance.py"


rule metrics:
    input:
        f"{RUN}/report/metrics.csv",
