# Needs: a table of relations of WhoSampled-130k, Sample100 or SamplePairs, and the user's audio.
# Makes: their catalogue.


rule relations_data:
    input:
        CONFIG.data.relations,
    output:
        tracks=f"{RUN}/data/tracks.csv",
        occurrences=f"{RUN}/data/occurrences.csv",
    log:
        f"{RUN}/logs/relations_data.log",
    benchmark:
        f"{RUN}/benchmarks/relations_data.tsv"
    conda:
        "../../envs/audio.yaml"
    threads: 1
    params:
        data=section(CONFIG.data),
        tracks=tracks(),
    message:
        "Looking for the audio of the relations in {input}"
    script:
        "../../scripts/relations_data.py"
