# Needs: an encoder's fingerprints of all roles, the queries. Not part of the report: snakemake scale.
# Makes: a catalogue enlarged with distractors, each kind of index measured on it, and one figure.


rule draw_distractors:
    input:
        query_stores=stores(CONFIG.scaled_fingerprints, ["query"]),
        noise_stores=stores(CONFIG.scaled_fingerprints, ["noise"]),
        reference_stores=stores(CONFIG.scaled_fingerprints, ["reference"]),
    output:
        catalogue=temp(directory(f"{RUN}/scale/catalogue")),
        distances=f"{RUN}/scale/distances.csv",
    log:
        f"{RUN}/logs/draw_distractors.log",
    benchmark:
        f"{RUN}/benchmarks/draw_distractors.tsv"
    conda:
        f"../envs/torch_{BUILD}.yaml"
    threads: 1
    resources:
        mem_mb=attempts(8000),
        runtime=attempts(60),
    params:
        components=CONFIG.scale.components,
        segments=max(CONFIG.scale.sizes),
        seed=CONFIG.seed,
    message:
        "Drawing distractors like the noise's fingerprints"
    script:
        "../scripts/draw_distractors.py"


rule compare_indexes:
    input:
        queries=f"{RUN}/evaluation/queries.csv",
        query_stores=stores(CONFIG.scaled_fingerprints, ["query"]),
        reference_stores=stores(CONFIG.scaled_fingerprints, ["reference"]),
        catalogue=f"{RUN}/scale/catalogue",
    output:
        table=f"{RUN}/scale/indexes_{{segments}}.csv",
    log:
        f"{RUN}/logs/compare_indexes_{{segments}}.log",
    benchmark:
        f"{RUN}/benchmarks/compare_indexes_{{segments}}.tsv"
    conda:
        f"../envs/torch_{BUILD}.yaml"
    threads: 16
    resources:
        mem_mb=attempts(16000),
        runtime=attempts(600),
    params:
        kinds=lambda wildcards: CONFIG.scale.kinds_for(int(wildcards.segments)),
        query_seconds=CONFIG.scale.query_seconds,
        candidates=CONFIG.search.candidates,
        seed=CONFIG.seed,
    message:
        "Measuring indexes of {wildcards.segments} segments"
    script:
        "../scripts/compare_indexes.py"


rule scale_figure:
    input:
        tables=expand(
            f"{RUN}/scale/indexes_{{segments}}.csv",
            segments=sorted(CONFIG.scale.sizes),
        ),
        distances=f"{RUN}/scale/distances.csv",
    output:
        table=f"{RUN}/scale/indexes.csv",
        png=f"{RUN}/scale/scale.png",
        pdf=f"{RUN}/scale/scale.pdf",
    log:
        f"{RUN}/logs/scale_figure.log",
    benchmark:
        f"{RUN}/benchmarks/scale_figure.tsv"
    conda:
        "../envs/audio.yaml"
    threads: 1
    message:
        "Drawing cost against what is kept"
    script:
        "../scripts/scale_figure.py"
