# Needs: nothing but the configuration; the published files come from their servers or a folder.
# Makes: the files with a record of each, their fingerprints evaluated under both protocols, the
# numbers of parameters, and the paper's tables.


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


rule unpack_fingerprints:
    input:
        archive=f"{RUN}/artefacts/{{artefact}}",
    output:
        folder=directory(f"{RUN}/fingerprints/{{artefact}}"),
    log:
        f"{RUN}/logs/unpack_fingerprints_{{artefact}}.log",
    benchmark:
        f"{RUN}/benchmarks/unpack_fingerprints_{{artefact}}.tsv"
    conda:
        "../envs/audio.yaml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=30,
    message:
        "Unpacking {wildcards.artefact}"
    script:
        "../scripts/unpack_fingerprints.py"


rule count_parameters:
    input:
        artefacts(*weight_files()),
    output:
        counts=f"{RUN}/models/parameters.json",
    log:
        f"{RUN}/logs/count_parameters.log",
    benchmark:
        f"{RUN}/benchmarks/count_parameters.tsv"
    conda:
        f"../envs/torch_{CONFIG.hardware}.yaml"
    threads: 1
    resources:
        mem_mb=1500,
        runtime=10,
    params:
        systems=[
            section(row, "system", "fingerprints", "optional")
            for row in CONFIG.systems
        ],
    message:
        "Counting the parameters of the published weights"
    script:
        "../scripts/count_parameters.py"


rule evaluate_published:
    input:
        archive=lambda wildcards: artefacts(SYSTEMS[wildcards.system].fingerprints),
        fingerprints=lambda wildcards: unpacked(wildcards.system),
        reranker=lambda wildcards: artefacts(SYSTEMS[wildcards.system].reranker),
        ground_truth=artefacts(CONFIG.data.ground_truth),
        query_index=artefacts(CONFIG.data.query_index),
        groups=artefacts(*lists_of_queries()),
        annotations=annotation_files(),
    output:
        per_query=f"{RUN}/evaluation/{{system}}/{{protocol}}/per_query.csv",
        metrics=f"{RUN}/evaluation/{{system}}/{{protocol}}/metrics.csv",
        summary=f"{RUN}/evaluation/{{system}}/{{protocol}}/summary.json",
    log:
        f"{RUN}/logs/evaluate_published_{{system}}_{{protocol}}.log",
    benchmark:
        f"{RUN}/benchmarks/evaluate_published_{{system}}_{{protocol}}.tsv"
    conda:
        f"../envs/torch_{CONFIG.hardware}.yaml"
    threads: CORES
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        system=lambda wildcards: SYSTEMS[wildcards.system].system,
        index=CONFIG.index,
        groups=CONFIG.data.groups,
        annotations=CONFIG.data.annotations,
        evaluation=section(CONFIG.evaluation),
        seed=CONFIG.seed,
    message:
        "Evaluating {wildcards.system}, {wildcards.protocol}"
    script:
        "../scripts/evaluate_published.py"


rule published_tables:
    input:
        metrics=f"{RUN}/report/metrics.csv",
        parameters=f"{RUN}/models/parameters.json",
        artefacts=artefacts(*published_files()),
        quoted=f"{workflow.basedir}/{CONFIG.data.quoted}",
    output:
        [
            report(
                f"{RUN}/report/tables/{name}.html",
                caption=f"../report/published_{name}_table.rst",
                category="Tables",
            )
            for name in TABLES
        ],
        expand(
            f"{RUN}/report/tables/{{name}}.{{format}}",
            name=TABLES,
            format=("csv", "md", "tex", "txt"),
        ),
    log:
        f"{RUN}/logs/published_tables.log",
    benchmark:
        f"{RUN}/benchmarks/published_tables.tsv"
    conda:
        "../envs/audio.yaml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=10,
    params:
        systems=list(SYSTEMS),
        used_by=used_by(),
    message:
        "Writing the paper's tables"
    script:
        "../scripts/published_tables.py"
