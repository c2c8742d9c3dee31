# Needs: all that the other rule files make.
# Makes: nothing of its own; these are names to ask for the benchmark, or a part of it, by.


rule whole_report:
    input:
        expand(f"{RUN}/report/{{file}}", file=files_of(CONFIG)),
        [f"{RUN}/stems/report.csv"] if CONFIG.needs_stems else [],


rule data:
    input:
        f"{DATA}/tracks.csv",


rule stems:
    input:
        [f"{RUN}/stems/report.csv"] if CONFIG.needs_stems else [],
        [f"{RUN}/stems/quality.csv"] if CONFIG.needs_stems and IS_DEMO else [],
        expand(
            f"{RUN}/stems/{{packed}}/{{shard}}",
            packed=CONFIG.packed,
            shard=shards("train"),
        ),


rule models:
    input:
        expand(f"{RUN}/models/{{weights}}.pt", weights=CONFIG.weights),


rule fingerprints:
    input:
        [
            stores(row.fingerprints, ["query", *searched_roles()])
            for row in CONFIG.encoder_systems
        ],
        [
            f"{RUN}/fingerprints/{row.fingerprints}/index.faiss"
            for row in CONFIG.encoder_systems
        ],
        expand(
            f"{RUN}/fingerprints/landmarks/{{role}}.npz",
            role=["query", *searched_roles()] if CONFIG.landmark_systems else [],
        ),


rule scale:
    input:
        f"{RUN}/scale/scale.png",


rule library:
    input:
        rules.collect_answers.output.answers,


rule calibrations:
    input:
        expand(
            f"{RUN}/models/{{encoder}}/calibration.json", encoder=CONFIG.used_encoders
        ),
        [f"{RUN}/fingerprints/landmarks/calibration.json"]
        if CONFIG.landmark_systems
        else [],


rule shipped_model:
    input:
        f"{RUN}/release/model.pt",
        f"{RUN}/release/model_card.md",
        f"{RUN}/models/{CONFIG.shipped}/calibration.json",
