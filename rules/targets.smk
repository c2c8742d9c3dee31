# Needs: all that the other rule files make.
# Makes: nothing of its own; these are names to ask for a part of the benchmark by.


rule stems:
    input:
        stem_files(),


rule models:
    input:
        model_files(),


rule fingerprints:
    input:
        fingerprint_files(),


rule scale:
    input:
        f"{RUN}/scale/scale.png",


rule calibrations:
    input:
        [f"{RUN}/models/{encoder}/calibration.json" for encoder in used_encoders()],


# The workflow takes longer to read with them, once more for each seed.
if ABLATION_ROWS and any("ablation" in argument for argument in sys.argv):

    include: "ablations.smk"


if CONFIG.shipped:

    include: "release.smk"

    rule default_model:
        input:
            f"{RUN}/release/model.pt",
            f"{RUN}/release/model_card.md",
            f"{RUN}/models/{CONFIG.shipped}/calibration.json",


if ABLATION_ROWS:

    rule ablations:
        input:
            f"{RUN}/ablations/ablations.png",
