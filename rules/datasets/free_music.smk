# Needs: the tables of free music and of the queries' recipes; Debian's packages, from apt or a folder.
# Makes: the packages' audio, which runs share; the rendered queries and the catalogue.


from neuralsampleid.datasets.free_music_tables import (
    package_files,
    packages,
    table_path,
)


rule free_music_audio:
    output:
        found=f"{CONFIG.data.folder}/{{package}}.csv",
    log:
        f"{RUN}/logs/free_music_audio_{{package}}.log",
    benchmark:
        f"{RUN}/benchmarks/free_music_audio_{{package}}.tsv"
    wildcard_constraints:
        package="[a-z0-9][a-z0-9+.-]+",
    conda:
        "../../envs/audio.yaml"
    threads: 1
    resources:
        mem_mb=attempts(2000),
        runtime=attempts(240),
    params:
        # The audio lies beside the table and is no output: Snakemake would remove it before it
        # repeats a job.
        files=lambda wildcards: told(package_files, CONFIG.data, wildcards.package),
        debs=CONFIG.data.debs,
    message:
        "Getting the music of {wildcards.package}"
    script:
        "../../scripts/free_music_audio.py"


rule free_music_data:
    input:
        tracks=str(table_path(CONFIG.data.tracks)),
        recipe=str(table_path(CONFIG.data.recipe)),
        found=expand(
            f"{CONFIG.data.folder}/{{package}}.csv",
            package=told(packages, CONFIG.data),
        ),
    output:
        tracks=f"{RUN}/data/tracks.csv",
        occurrences=f"{RUN}/data/occurrences.csv",
        samples=f"{RUN}/data/samples.csv",
        deviations=report(
            f"{RUN}/data/deviations.csv",
            caption="../../report/deviations.rst",
            category="Tables",
            labels={"table": "deviations from the benchmark"},
        ),
    log:
        f"{RUN}/logs/free_music_data.log",
    benchmark:
        f"{RUN}/benchmarks/free_music_data.tsv"
    conda:
        "../../envs/audio.yaml"
    threads: 16
    resources:
        mem_mb=attempts(8000),
        runtime=attempts(240),
    params:
        data=section(CONFIG.data),
    message:
        "Rendering the queries of split {CONFIG.data.split}; {output.deviations} will tell what is missing"
    script:
        "../../scripts/free_music_data.py"
