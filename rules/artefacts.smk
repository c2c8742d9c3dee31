# Needs: a table of files, in section data; they come from their servers or from the user's folder.
# Makes: the files with a record of each, and the archives among them unpacked. A run goes on without
# a file that the configuration does not require.


rule fetch_artefact:
    input:
        lambda wildcards: own_files(CONFIG.data.folder, wildcards.artefact),
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
        runtime=attempts(480),
    params:
        table=CONFIG.data.artefacts,
        folder=CONFIG.data.folder,
        optional=lambda wildcards: wildcards.artefact not in CONFIG.required_files,
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
        mem_mb=attempts(4000),
        runtime=attempts(120),
    message:
        "Unpacking {wildcards.artefact}"
    script:
        "../scripts/unpack_archive.py"
