# Needs: the annotations of Sample100, and what audio of it the user has.
# Makes: their catalogue.


rule sample100_data:
    input:
        CONFIG.data.annotation_files,
    output:
        tracks=f"{RUN}/data/tracks.csv",
        occurrences=f"{RUN}/data/occurrences.csv",
        found=f"{RUN}/data/found.csv",
    log:
        f"{RUN}/logs/sample100_data.log",
    benchmark:
        f"{RUN}/benchmarks/sample100_data.tsv"
    conda:
        "../../envs/audio.yaml"
    threads: 1
    params:
        data=section(CONFIG.data),
        tracks=tracks(),
    message:
        "Reading the annotations of Sample100 and looking for its audio"
    script:
        "../../scripts/sample100_data.py"
