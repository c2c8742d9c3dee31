# Needs: nothing but the configuration; published files come from their servers or a folder.
# Makes: the files with a record of each, and the archives among them unpacked.


rule fetch_artefact:
    input:
        lambda wildcards: file_in_folder(wildcards.artefact),
    output:
        folder=directory(f"{RUN}/artefacts/{{artefact}}"),
    log:
        f"{RUN}/logs/fetch_artefact_{{artefact}}.log",
    benchmark:
        f"{RUN}/benchmarks/fetch_artefact_{{artefact}}.tsv"
    conda:
        "../envs/audio.yaml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=240,
    params:
        table=CONFIG.data.artefacts,
        folder=CONFIG.data.folder,
        optional=is_optional,
    message:
        "Getting {wildcards.artefact}"
    script:
        "../scripts/fetch_artefact.py"


rule unpack_archive:
    input:
        archive=f"{RUN}/artefacts/{{artefact}}",
    output:
        folder=directory(f"{RUN}/unpacked/{{artefact}}"),
    log:
        f"{RUN}/logs/unpack_archive_{{artefact}}.log",
    benchmark:
        f"{RUN}/benchmarks/unpack_archive_{{artefact}}.tsv"
    conda:
        "../envs/audio.yaml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=30,
    message:
        "Unpacking {wildcards.artefact}"
    script:
        "../scripts/unpack_archive.py"
