# Needs: packed stems.
# Makes: encoders with fresh and with trained weights, re-rankers, and their learning curves.


rule initialise:
    input:
        code=code,
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
        mem_mb=attempts(4000),
    params:
        encoder=values_of(encoder),
        seed=CONFIG.seed,
    message:
        "Initialising encoder {wildcards.encoder}"
    script:
        "../scripts/initialise.py"


rule pretrain:
    input:
        packed=packed,
        code=code,
    output:
        weights=f"{RUN}/models/{{encoder}}/trained.pt",
        curves=f"{RUN}/models/{{encoder}}/curves.csv",
    log:
        f"{RUN}/logs/pretrain_{{encoder}}.log",
    benchmark:
        f"{RUN}/benchmarks/pretrain_{{encoder}}.tsv"
    wildcard_constraints:
        encoder=pattern(CONFIG.encoders.keys() - CONFIG.pretrained_encoders),
    priority: 1  # the longest chain of jobs leads through here
    conda:
        f"../envs/torch_{BUILD}.yaml"
    threads: 1
    resources:
        mem_mb=attempts(32000),
        runtime=attempts(1440),
        gpu=GPUS,
    params:
        encoder=values_of(encoder, "training"),
        seed=CONFIG.seed,
        device=CONFIG.device,
        precision=CONFIG.precision,
    message:
        "Training encoder {wildcards.encoder}; progress is in {log}"
    script:
        "../scripts/pretrain.py"


rule train_reranker:
    input:
        packed=packed,
        weights=lambda wildcards: f"{RUN}/models/{reranker(wildcards).encoder}/trained.pt",
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
        mem_mb=attempts(32000),
        runtime=attempts(720),
        gpu=GPUS,
    params:
        reranker=values_of(reranker, "training"),
        encoder=values_of(encoder, "training"),
        seed=CONFIG.seed,
        device=CONFIG.device,
        precision=CONFIG.precision,
    message:
        "Training re-ranker {wildcards.reranker}"
    script:
        "../scripts/train_reranker.py"


rule take_weights:
    input:
        weights=pretrained_weights,
    output:
        weights=f"{RUN}/models/{{encoder}}/trained.pt",
    log:
        f"{RUN}/logs/take_weights_{{encoder}}.log",
    benchmark:
        f"{RUN}/benchmarks/take_weights_{{encoder}}.tsv"
    wildcard_constraints:
        encoder=pattern(CONFIG.pretrained_encoders),
    conda:
        f"../envs/torch_{BUILD}.yaml"
    threads: 1
    resources:
        mem_mb=attempts(4000),
    params:
        encoder=values_of(encoder, "fingerprints"),
    message:
        "Taking the weights of encoder {wildcards.encoder} from {input}"
    script:
        "../scripts/take_weights.py"
