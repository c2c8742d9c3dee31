# Needs: nothing but the configuration; of Sample100 its annotations, and what audio a user has; of FMA
# its clips, the user's or downloaded; of own music its folders and an annotation table.
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
        threads: CORES
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

elif IS_FMA:

    include: "artefacts.smk"

    rule fma_data:
        input:
            unpacked=[
                fma_folder(archive, own)
                for archive, own in FMA_ARCHIVES.items()
                if own is None and DOWNLOADS_FMA
            ],
            annotations=annotation_tables(CONFIG.data.evaluation.annotations),
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
            "../envs/audio.yaml"
        threads: workflow.cores or 1
        resources:
            mem_mb=1000,
            runtime=60,
        params:
            data=section(CONFIG.data),
            tracks=TRACKS,
            folders=[fma_folder(archive, own) for archive, own in FMA_ARCHIVES.items()],
        message:
            "Listing the clips of fma_{CONFIG.data.subset} and what there is of Sample100"
        script:
            "../scripts/fma_data.py"

elif IS_OWN_MUSIC:

    from neuralsampleid.datasets.own_music import state_of_files

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
            "../envs/audio.yaml"
        threads: 1
        resources:
            mem_mb=1500,
            runtime=240,
        params:
            data=section(CONFIG.data),
            files=state_of_files(CONFIG.data),
        message:
            "Listing your music and checking {input}"
        script:
            "../scripts/own_music_data.py"

elif not IS_CATALOGUE:

    rule sample100_data:
        input:
            annotation_tables(CONFIG.data.annotations),
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
            tracks=TRACKS,
        message:
            "Reading the annotations of Sample100 and looking for its audio"
        script:
            "../scripts/sample100_data.py"
