# Needs: what a run needs, with each seed. Not part of the report: snakemake ablations.
# Makes: every row of the ablations trained and ranked with each seed, one table and one figure.

# This workflow itself, once per seed, as a run of its own; its rules bear the prefix.
for seed in CONFIG.ablations.seeds:
    SEEDED = f"ablations_{seed}"
    PREFIX = f"{SEEDED}_"

    module:
        name: SEEDED
        snakefile:
            "../Snakefile"
        config:
            ablation_run(CONFIG, seed)

    use rule * from SEEDED exclude all as PREFIX*


rule ablation_report:
    input:
        metrics=expand(
            f"results/{CONFIG.run}_ablations_{{seed}}/evaluation/{{row}}/metrics.csv",
            seed=CONFIG.ablations.seeds,
            row=CONFIG.ablation_labels,
        ),
    output:
        metrics=f"{RUN}/ablations/metrics.csv",
        table=multiext(f"{RUN}/ablations/ablations", ".csv", ".md", ".tex", ".txt"),
        png=f"{RUN}/ablations/ablations.png",
        pdf=f"{RUN}/ablations/ablations.pdf",
    log:
        f"{RUN}/logs/ablation_report.log",
    benchmark:
        f"{RUN}/benchmarks/ablation_report.tsv"
    conda:
        "../envs/audio.yaml"
    threads: 1
    params:
        seeds=CONFIG.ablations.seeds,
        rows=CONFIG.ablation_labels,
    message:
        "Comparing ablations over seeds"
    script:
        "../scripts/ablation_report.py"


rule ablations:
    input:
        f"{RUN}/ablations/ablations.png",
