# Needs: the catalogue's training tracks.
# Makes: their stems, a list of what was skipped, how good the stems are (demo), and the stems packed
# at each encoder's sample rate.


rule separate:
    input:
        tracks=f"{DATA}/tracks.csv",
    output:
        stems=directory(f"{RUN}/stems/separated"),
        report=f"{RUN}/stems/report.csv",
    log:
        f"{RUN}/logs/separate.log",
    benchmark:
        f"{RUN}/benchmarks/separate.tsv"
    priority: 1  # the longest chain of jobs leads through here
    conda:
        f"../envs/separation_{CONFIG.hardware}.yaml"
    threads: CORES
    resources:
        mem_mb=3000,
        runtime=240,
        gpu=GPUS if CONFIG.separation.backend == "htdemucs" else 0,
    params:
        separation=section(CONFIG.separation),
        sample_rate=STEM_SAMPLE_RATE,
    message:
        "Separating the training tracks into stems"
    script:
        "../scripts/separate.py"


rule separation_quality:
    input:
        stems=f"{RUN}/stems/separated",
        report=f"{RUN}/stems/report.csv",
        true_stems=f"{DATA}/true_stems",
    output:
        quality=f"{RUN}/stems/quality.csv",
        means=report(
            f"{RUN}/stems/mean_quality.csv",
            caption="../report/separation.rst",
            category="Separation",
        ),
    log:
        f"{RUN}/logs/separation_quality.log",
    benchmark:
        f"{RUN}/benchmarks/separation_quality.tsv"
    conda:
        "../envs/audio.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=30,
    message:
        "Measuring the stems against the true ones (SI-SDR)"
    script:
        "../scripts/separation_quality.py"


rule pack_stems:
    input:
        stems=f"{RUN}/stems/separated",
        report=f"{RUN}/stems/report.csv",
    output:
        packed=directory(f"{RUN}/stems/packed_{{rate}}"),
    log:
        f"{RUN}/logs/pack_stems_{{rate}}.log",
    benchmark:
        f"{RUN}/benchmarks/pack_stems_{{rate}}.tsv"
    priority: 1  # the longest chain of jobs leads through here
    conda:
        "../envs/audio.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=60,
    message:
        "Packing the stems at {wildcards.rate} Hz for training"
    script:
        "../scripts/pack_stems.py"
