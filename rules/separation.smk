# Needs: the catalogue's training tracks.
# Makes: their stems, the stems packed at each encoder's sample rate, and their levels for encoders that
# learn from levels, all in shards; a list of what was skipped; how good the stems are (demo).


rule separate:
    input:
        tracks=f"{DATA}/tracks.csv",
    output:
        report=f"{RUN}/stems/reports/{{shard}}.csv",
    log:
        f"{RUN}/logs/separate_{{shard}}.log",
    benchmark:
        f"{RUN}/benchmarks/separate_{{shard}}.tsv"
    priority: 1  # the longest chain of jobs leads through here
    conda:
        f"../envs/separation_{BUILD}.yaml"
    threads: 16
    resources:
        mem_mb=attempts(8000),
        runtime=attempts(720),
        gpu=GPUS if CONFIG.separation.backend == "htdemucs" else 0,
    params:
        separation=section(CONFIG.separation),
        device=CONFIG.device,
        precision=CONFIG.precision,
        sample_rate=22050,
        shards=shard_count,
        # No output of the rule: Snakemake would remove it before it repeats a job.
        stems=f"{RUN}/stems/{CONFIG.separation.name}",
    message:
        "Separating the training tracks into stems, shard {wildcards.shard}; progress is in {log}"
    script:
        "../scripts/separate.py"


rule separation_report:
    input:
        expand(f"{RUN}/stems/reports/{{shard}}.csv", shard=shards("train")),
    output:
        report=f"{RUN}/stems/report.csv",
    log:
        f"{RUN}/logs/separation_report.log",
    benchmark:
        f"{RUN}/benchmarks/separation_report.tsv"
    conda:
        f"../envs/separation_{BUILD}.yaml"
    threads: 1
    message:
        "Listing what was separated and what was skipped"
    script:
        "../scripts/separation_report.py"


rule separation_quality:
    input:
        report=f"{RUN}/stems/report.csv",
        true_stems=f"{DATA}/true_stems",
    output:
        quality=f"{RUN}/stems/quality.csv",
        means=report(
            f"{RUN}/stems/mean_quality.csv",
            caption="../report/separation.rst",
            category="Separation",
            labels={"table": "SI-SDR"},
        ),
    log:
        f"{RUN}/logs/separation_quality.log",
    benchmark:
        f"{RUN}/benchmarks/separation_quality.tsv"
    conda:
        "../envs/audio.yaml"
    threads: 1
    resources:
        mem_mb=attempts(4000),
        runtime=attempts(60),
    params:
        stems=f"{RUN}/stems/{CONFIG.separation.name}",
    message:
        "Measuring the stems against the true ones (SI-SDR)"
    script:
        "../scripts/separation_quality.py"


rule pack_stems:
    input:
        report=f"{RUN}/stems/reports/{{shard}}.csv",
    output:
        packed=directory(f"{RUN}/stems/packed_{{rate}}/{{shard}}"),
    log:
        f"{RUN}/logs/pack_stems_{{rate}}_{{shard}}.log",
    benchmark:
        f"{RUN}/benchmarks/pack_stems_{{rate}}_{{shard}}.tsv"
    priority: 1  # the longest chain of jobs leads through here
    conda:
        "../envs/audio.yaml"
    threads: 1
    resources:
        mem_mb=attempts(4000),
        runtime=attempts(120),
    params:
        stems=f"{RUN}/stems/{CONFIG.separation.name}",
    message:
        "Packing the stems at {wildcards.rate} Hz for training, shard {wildcards.shard}"
    script:
        "../scripts/pack_stems.py"


rule pack_levels:
    input:
        tracks=f"{DATA}/tracks.csv",
        packed=lambda wildcards: (
            [
                f"{RUN}/stems/packed_{encoder(wildcards).front_end.sample_rate}/{wildcards.shard}"
            ]
            if encoder(wildcards).needs_stems
            else []
        ),
    output:
        levels=directory(f"{RUN}/stems/levels_{{encoder}}/{{shard}}"),
    log:
        f"{RUN}/logs/pack_levels_{{encoder}}_{{shard}}.log",
    benchmark:
        f"{RUN}/benchmarks/pack_levels_{{encoder}}_{{shard}}.tsv"
    priority: 1  # the longest chain of jobs leads through here
    conda:
        f"../envs/torch_{BUILD}.yaml"
    threads: 1
    resources:
        mem_mb=attempts(8000),
        runtime=attempts(240),
    params:
        front_end=lambda wildcards: section(encoder(wildcards).front_end),
        shards=shard_count,
    message:
        "Packing the levels that {wildcards.encoder} is trained on, shard {wildcards.shard}"
    script:
        "../scripts/pack_levels.py"
