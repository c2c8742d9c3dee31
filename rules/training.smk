# Needs: packed stems.
# Pretrained weights come from rules/ready_weights.smk instead.
# Makes: encoders with fresh and with trained weights, re-rankers, and their learning curves.


rule initialise:
    input:
        code=code_of,
    output:
        weights=f"{RUN}/models/{{encoder}}/untrained.pt",
    log:
        f"{RUN}/logs/initialise_{{encoder}}.log",
    benchmark:
        f"{RUN}/benchmarks/initialise_{{encoder}}.tsv"
    conda:
        f"../envs/torch_{BUILD}.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        encoder=encoder_network,
        seed=CONFIG.seed,
    message:
        "Initialising encoder {wildcards.encoder}"
    script:
        "../scripts/initialise.py"


rule pretrain:
    input:
        packed=lambda wildcards: packed_of(wildcards.encoder),
        code=code_of,
    output:
        weights=f"{RUN}/models/{{encoder}}/trained.pt",
        curves=f"{RUN}/models/{{encoder}}/curves.csv",
    log:
        f"{RUN}/logs/pretrain_{{encoder}}.log",
    benchmark:
        f"{RUN}/benchmarks/pretrain_{{encoder}}.tsv"
    wildcard_constraints:
        encoder="|".join(name for name in ENCODERS if name not in READY) or "(?!)",
    priority: 1  # the longest chain of jobs leads through here
    conda:
        f"../envs/torch_{BUILD}.yaml"
    threads: 1
    resources:
        mem_mb=2500,
        runtime=2880,
        gpu=GPUS,
    params:
        encoder=lambda wildcards: encoder_training(wildcards.encoder),
        seed=CONFIG.seed,
        device=CONFIG.device,
        precision=CONFIG.precision,
    message:
        "Training encoder {wildcards.encoder}; progress is in {log}"
    script:
        "../scripts/pretrain.py"


rule train_reranker:
    input:
        packed=lambda wildcards: packed_of(reranked(wildcards)),
        weights=lambda wildcards: f"{RUN}/models/{reranked(wildcards)}/trained.pt",
    output:
        weights=f"{RUN}/models/{{reranker}}/trained.pt",
        curves=f"{RUN}/models/{{reranker}}/curves.csv",
    log:
        f"{RUN}/logs/train_{{reranker}}.log",
    benchmark:
        f"{RUN}/benchmarks/train_{{reranker}}.tsv"
    priority: 1  # the longest chain of jobs leads through here
    conda:
        f"../envs/torch_{BUILD}.yaml"
    threads: 1
    resources:
        mem_mb=2500,
        runtime=600,
        gpu=GPUS,
    params:
        reranker=reranker_training,
        encoder=lambda wildcards: encoder_training(reranked(wildcards)),
        seed=CONFIG.seed,
        device=CONFIG.device,
        precision=CONFIG.precision,
    message:
        "Training re-ranker {wildcards.reranker}"
    script:
        "../scripts/train_reranker.py"
