# Needs: folders of audio files and an annotation table.
# Makes: their catalogue.


rule own_music_data:
    input:
        CONFIG.data.annotations,
    output:
        tracks=f"{RUN}/data/tracks.csv",
        occurrences=f"{RUN}/data/occurrences.csv",
        decoded=directory(f"{RUN}/data/decoded"),
    log:
        f"{RUN}/logs/own_music_data.log",
    benchmark:
        f"{RUN}/benchmarks/own_music_data.tsv"
    conda:
        "../../envs/audio.yaml"
    threads: 1
    resources:
        mem_mb=attempts(4000),
        runtime=attempts(240),
    params:
        data=section(CONFIG.data),
        files=lambda wildcards: told(state_of_files, CONFIG.data),
    message:
        "Listing your music and checking {input}"
    script:
        "../../scripts/own_music_data.py"
