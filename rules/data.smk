# Needs: nothing but the configuration; of Sample100 its annotations, and what audio a user has.
# Makes: the catalogue; of the built-in demo also its audio and the true stems of its training songs.


if IS_DEMO:

    rule demo_data:
        output:
            tracks=f"{RUN}/data/tracks.csv",
            occurrences=f"{RUN}/data/occurrences.csv",
            production=f"{RUN}/data/production.json",
            levels=f"{RUN}/data/levels.csv",
            audio=directory(f"{RUN}/data/audio"),
            true_stems=directory(f"{RUN}/data/true_stems"),
        log:
            f"{RUN}/logs/demo_data.log",
        benchmark:
            f"{RUN}/benchmarks/demo_data.tsv"
        conda:
            "../envs/audio.yaml"
        threads: workflow.cores or 1
        resources:
            mem_mb=1500,
            runtime=30,
        params:
            data=section(CONFIG.data),
            seed=CONFIG.seed,
        message:
            "Composing and rendering the demo's music"
        script:
            "../scripts/demo_data.py"

elif not IS_CATALOGUE:

    rule sample100_data:
        input:
            expand(
                "{folder}/{name}",
                folder=CONFIG.data.annotations,
                name=["samples.csv", "tracks.csv", "annotations"],
            ),
        output:
            tracks=f"{RUN}/data/tracks.csv",
            occurrences=f"{RUN}/data/occurrences.csv",
            found=f"{RUN}/data/found.csv",
        log:
            f"{RUN}/logs/sample100_data.log",
        benchmark:
            f"{RUN}/benchmarks/sample100_data.tsv"
        conda:
            "../envs/audio.yaml"
        threads: 1
        resources:
            mem_mb=500,
            runtime=10,
        params:
            data=section(CONFIG.data),
        message:
            "Reading the annotations of Sample100 and looking for its audio"
        script:
            "../scripts/sample100_data.py"
