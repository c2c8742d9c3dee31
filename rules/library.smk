# Needs: the catalogue's audio. Not part of the report: snakemake library.
# Makes: a library of references and noise tracks in shards, as nsid index does, and what nsid identify
# answers for the queries.


rule index_shard:
    input:
        tracks=f"{DATA}/tracks.csv",
    output:
        shard=directory(f"{RUN}/library/shard-{{number}}-of-{CONFIG.library.shards}"),
    log:
        f"{RUN}/logs/index_shard_{{number}}.log",
    benchmark:
        f"{RUN}/benchmarks/index_shard_{{number}}.tsv"
    wildcard_constraints:
        number=r"\d+",
    conda:
        f"../envs/torch_{BUILD}.yaml"
    threads: 1
    resources:
        mem_mb=attempts(8000),
        runtime=attempts(480),
    params:
        roles=searched_roles(),
        shards=CONFIG.library.shards,
        weights=CONFIG.library.weights,
    message:
        "Making shard {wildcards.number} of the library"
    script:
        "../scripts/index_shard.py"


rule identify:
    input:
        tracks=f"{DATA}/tracks.csv",
        shards=expand(
            f"{RUN}/library/shard-{{number}}-of-{CONFIG.library.shards}",
            number=range(1, CONFIG.library.shards + 1),
        ),
    output:
        answers=f"{RUN}/library/answers/{{shard}}.csv",
    log:
        f"{RUN}/logs/identify_{{shard}}.log",
    benchmark:
        f"{RUN}/benchmarks/identify_{{shard}}.tsv"
    conda:
        f"../envs/torch_{BUILD}.yaml"
    threads: 16
    resources:
        mem_mb=attempts(8000),
        runtime=attempts(240),
    params:
        shards=len(shards("query")),
    message:
        "Looking for samples in queries, shard {wildcards.shard}"
    script:
        "../scripts/identify.py"


rule collect_answers:
    input:
        answers=expand(f"{RUN}/library/answers/{{shard}}.csv", shard=shards("query")),
    output:
        answers=f"{RUN}/library/answers.csv",
    log:
        f"{RUN}/logs/collect_answers.log",
    benchmark:
        f"{RUN}/benchmarks/collect_answers.tsv"
    conda:
        "../envs/audio.yaml"
    threads: 1
    message:
        "Collecting the answers of all queries"
    script:
        "../scripts/collect_answers.py"
