# Needs: nothing but the configuration.
# Makes: the demo's catalogue, its audio, and the true stems of its training songs.


rule demo_data:
    output:
        tracks=f"{RUN}/data/tracks.csv",
        occurrences=f"{RUN}/data/occurrences.csv",
        production=f"{RUN}/data/production.json",
        samples=f"{RUN}/data/samples.csv",
        audio=directory(f"{RUN}/data/audio"),
        true_stems=directory(f"{RUN}/data/true_stems"),
    log:
        f"{RUN}/logs/demo_data.log",
    benchmark:
        f"{RUN}/benchmarks/demo_data.tsv"
    conda:
        "../../envs/audio.yaml"
    threads: 16
    resources:
        mem_mb=attempts(4000),
        runtime=attempts(60),
    params:
        data=section(CONFIG.data),
        seed=CONFIG.seed,
    message:
        "Composing and rendering the demo's music"
    script:
        "../../scripts/demo_data.py"
