# Needs: clips of FMA, the user's or downloaded, and the annotations of Sample100.
# Makes: a catalogue that trains on FMA and evaluates on Sample100.


include: "../artefacts.smk"


rule fma_data:
    input:
        unpacked=expand(f"{RUN}/unpacked/{{archive}}", archive=CONFIG.data.downloads),
        annotations=CONFIG.data.evaluation.annotation_files,
    output:
        tracks=f"{RUN}/data/tracks.csv",
        occurrences=f"{RUN}/data/occurrences.csv",
        found=f"{RUN}/data/found.csv",
        faulty=f"{RUN}/data/faulty_clips.csv",
    log:
        f"{RUN}/logs/fma_data.log",
    benchmark:
        f"{RUN}/benchmarks/fma_data.tsv"
    conda:
        "../../envs/audio.yaml"
    threads: 16
    resources:
        mem_mb=attempts(4000),
        runtime=attempts(240),
    params:
        data=section(CONFIG.data),
        tracks=tracks(),
        folders=CONFIG.data.folders(f"{RUN}/unpacked"),
    message:
        "Listing the clips of fma_{CONFIG.data.subset} and what there is of Sample100"
    script:
        "../../scripts/fma_data.py"
