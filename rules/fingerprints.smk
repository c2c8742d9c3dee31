# Needs: an encoder's weights and the catalogue's audio.
# Makes: a fingerprint store per encoder, weights and role, and a FAISS index over noise and references.


rule fingerprint:
    input:
        tracks=f"{DATA}/tracks.csv",
        weights=f"{RUN}/models/{{encoder}}/{{weights}}.pt",
        code=code_of,
    output:
        store=directory(f"{RUN}/fingerprints/{{encoder}}_{{weights}}/{{role}}"),
    log:
        f"{RUN}/logs/fingerprint_{{encoder}}_{{weights}}_{{role}}.log",
    benchmark:
        f"{RUN}/benchmarks/fingerprint_{{encoder}}_{{weights}}_{{role}}.tsv"
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=240,
    params:
        encoder=encoder_shape,
    message:
        "Fingerprinting {wildcards.role} tracks by {wildcards.encoder} ({wildcards.weights})"
    script:
        "../scripts/fingerprint.py"


rule build_index:
    input:
        stores=expand(
            f"{RUN}/fingerprints/{{{{encoder}}}}_{{{{weights}}}}/{{role}}",
            role=SEARCHED_ROLES,
        ),
    output:
        index=f"{RUN}/fingerprints/{{encoder}}_{{weights}}/index.faiss",
    log:
        f"{RUN}/logs/build_index_{{encoder}}_{{weights}}.log",
    benchmark:
        f"{RUN}/benchmarks/build_index_{{encoder}}_{{weights}}.tsv"
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        index=section(CONFIG.index, "candidates"),
    message:
        "Building the FAISS index of {wildcards.encoder} ({wildcards.weights})"
    script:
        "../scripts/build_index.py"
