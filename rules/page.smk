# Needs: metrics, figures, one system's rankings and lines, the catalogue and its audio.
# Makes: the report as one page.


rule page:
    input:
        tracks=f"{DATA}/tracks.csv",
        occurrences=f"{DATA}/occurrences.csv",
        metrics=f"{RUN}/report/metrics.csv",
        comparisons=f"{RUN}/report/comparisons.csv",
        left_out=f"{RUN}/evaluation/left_out.csv",
        deviations=(
            f"{RUN}/data/deviations.csv" if CONFIG.data.kind == "free_music" else []
        ),
        matches=f"{RUN}/evaluation/{CONFIG.page_system}/matches.csv",
        lines=f"{RUN}/evaluation/{CONFIG.page_system}/lines/{CONFIG.page_system}.csv",
        per_query=f"{RUN}/evaluation/{CONFIG.page_system}/per_query.csv",
        figures=expand(f"{RUN}/report/figures/{{name}}.png", name=figures_of(CONFIG)),
    output:
        page=f"{RUN}/report/index.html",
    log:
        f"{RUN}/logs/page.log",
    benchmark:
        f"{RUN}/benchmarks/page.tsv"
    conda:
        "../envs/audio.yaml"
    threads: 1
    resources:
        mem_mb=attempts(4000),
    params:
        run=CONFIG.run,
        seed=CONFIG.seed,
        systems=LABELS,
        system=CONFIG.page_system,
        tracks=CONFIG.page.tracks,
        audio=CONFIG.page.audio,
        cutoffs=CONFIG.metrics.cutoffs,
        confidence=CONFIG.intervals.confidence,
        captions={
            name: Path(workflow.basedir, f"report/{name}.rst").read_text("utf-8")
            for name in [
                "main_table",
                *(f"{name}_figure" for name in figures_of(CONFIG)),
            ]
        },
    message:
        "Making the report's page"
    script:
        "../scripts/page.py"
