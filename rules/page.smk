# Needs: metrics, figures, one system's rankings and fingerprints, the catalogue and its audio.
# Makes: where that system finds the samples, and the report as one page.


rule locate:
    input:
        tracks=f"{DATA}/tracks.csv",
        matches=f"{RUN}/evaluation/{{system}}/matches.csv",
        query_stores=lambda wildcards: fingerprints_of(
            weights_of(wildcards.system), "query"
        ),
        stores=lambda wildcards: fingerprints_of(
            weights_of(wildcards.system), *SEARCHED_ROLES
        ),
        index=lambda wildcards: (
            f"{RUN}/fingerprints/{weights_of(wildcards.system)}/index.faiss"
        ),
    output:
        lines=f"{RUN}/evaluation/{{system}}/lines.csv",
    log:
        f"{RUN}/logs/locate_{{system}}.log",
    benchmark:
        f"{RUN}/benchmarks/locate_{{system}}.tsv"
    wildcard_constraints:
        system=names_of(ENCODER_SYSTEMS),
    conda:
        f"../envs/torch_{BUILD}.yaml"
    threads: 1
    resources:
        mem_mb=2500,
        runtime=60,
        gpu=GPUS,
    params:
        candidates=CONFIG.search.candidates,
        device=CONFIG.device,
        tracks=CONFIG.page.tracks,
    message:
        "Locating the first tracks in every query: {wildcards.system}"
    script:
        "../scripts/locate.py"


rule page:
    input:
        tracks=f"{DATA}/tracks.csv",
        occurrences=f"{DATA}/occurrences.csv",
        metrics=f"{RUN}/report/metrics.csv",
        comparisons=f"{RUN}/report/comparisons.csv",
        matches=f"{RUN}/evaluation/{PAGE_SYSTEM}/matches.csv",
        lines=f"{RUN}/evaluation/{PAGE_SYSTEM}/lines.csv",
        per_query=f"{RUN}/evaluation/{PAGE_SYSTEM}/per_query.csv",
        figures=expand(f"{RUN}/report/figures/{{name}}.png", name=figure_names()),
    output:
        page=f"{RUN}/report/index.html",
        png=report(
            f"{RUN}/report/figures/timeline.png",
            caption="../report/timeline_figure.rst",
            category="Figures",
        ),
        pdf=f"{RUN}/report/figures/timeline.pdf",
    log:
        f"{RUN}/logs/page.log",
    benchmark:
        f"{RUN}/benchmarks/page.tsv"
    conda:
        "../envs/audio.yaml"
    threads: 1
    resources:
        mem_mb=1500,
        runtime=30,
    params:
        run=CONFIG.run,
        seed=CONFIG.seed,
        systems=LABELS,
        system=PAGE_SYSTEM,
        tracks=CONFIG.page.tracks,
        audio=CONFIG.page.audio,
        cutoffs=CONFIG.metrics.cutoffs,
        confidence=CONFIG.intervals.confidence,
        captions=captions(),
    message:
        "Making the report's page"
    script:
        "../scripts/page.py"
