# Needs: an encoder's weights and the catalogue's audio.
# Makes: a fingerprint store per encoder, weights, role and shard of its tracks, and a FAISS index over
# noise and references.


rule fingerprint:
    input:
        tracks=f"{DATA}/tracks.csv",
        weights=f"{RUN}/models/{{encoder}}/{{weights}}.pt",
        code=code,
    output:
        store=directory(
            f"{RUN}/fingerprints/{{encoder}}_{{weights}}/{{role}}/{{shard}}"
        ),
    log:
        f"{RUN}/logs/fingerprint_{{encoder}}_{{weights}}_{{role}}_{{shard}}.log",
    benchmark:
        f"{RUN}/benchmarks/fingerprint_{{encoder}}_{{weights}}_{{role}}_{{shard}}.tsv"
    conda:
        f"../envs/torch_{BUILD}.yaml"
    threads: 1
    resources:
        mem_mb=attempts(8000),
        runtime=attempts(240),
        gpu=GPUS,
    params:
        encoder=values_of(encoder, "fingerprints"),
        nodes=lambda wildcards: fingerprints(wildcards) in CONFIG.reranked_fingerprints,
        device=CONFIG.device,
        precision=CONFIG.precision,
        shards=shard_count,
    message:
        "Fingerprinting {wildcards.role} tracks, shard {wildcards.shard}, "
        "by {wildcards.encoder} ({wildcards.weights})"
    script:
        "../scripts/fingerprint.py"


rule build_index:
    input:
        stores=searched_stores,
    output:
        index=f"{RUN}/fingerprints/{{encoder}}_{{weights}}/index.faiss",
    log:
        f"{RUN}/logs/build_index_{{encoder}}_{{weights}}.log",
    benchmark:
        f"{RUN}/benchmarks/build_index_{{encoder}}_{{weights}}.tsv"
    conda:
        f"../envs/torch_{BUILD}.yaml"
    threads: 1
    resources:
        mem_mb=attempts(16000),
        runtime=attempts(120),
        gpu=GPUS,
    params:
        index=section(CONFIG.index),
        device=CONFIG.device,
    message:
        "Building the FAISS index of {wildcards.encoder} ({wildcards.weights})"
    script:
        "../scripts/build_index.py"
