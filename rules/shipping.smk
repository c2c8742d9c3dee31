# Needs: the encoder that is to ship, trained and evaluated. Not part of the report: snakemake shipped_model.
# Makes: the file that ships, and its card.


rule release:
    input:
        weights=f"{RUN}/models/{CONFIG.shipped}/trained.pt",
    output:
        model=f"{RUN}/release/model.pt",
        about=f"{RUN}/release/model.json",
    log:
        f"{RUN}/logs/release.log",
    benchmark:
        f"{RUN}/benchmarks/release.tsv"
    conda:
        f"../envs/torch_{BUILD}.yaml"
    threads: 1
    message:
        "Halving the precision of the shipped model's weights"
    script:
        "../scripts/release.py"


rule model_card:
    input:
        about=f"{RUN}/release/model.json",
        metrics=f"{RUN}/report/metrics.csv",
        curves=f"{RUN}/models/{CONFIG.shipped}/curves.csv",
        calibration=f"{RUN}/models/{CONFIG.shipped}/calibration.json",
        notes=f"{workflow.basedir}/docs/model-card-notes.md",
    output:
        card=f"{RUN}/release/model_card.md",
    log:
        f"{RUN}/logs/model_card.log",
    benchmark:
        f"{RUN}/benchmarks/model_card.tsv"
    conda:
        "../envs/audio.yaml"
    threads: 1
    params:
        data=section(CONFIG.data),
        encoder=lambda wildcards: section(CONFIG.encoders[CONFIG.shipped]),
        shipped=CONFIG.shipped,
        seed=CONFIG.seed,
        confidence=CONFIG.intervals.confidence,
    message:
        "Writing the model's card"
    script:
        "../scripts/model_card.py"
