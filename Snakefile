"""The benchmark from audio to tables; one rule file per stage, see docs/architecture.md."""

import sys
from pathlib import Path

from snakemake.utils import min_version

min_version("9.27")

# Scripts find the library beside this file, in conda environments too.
sys.path.insert(0, str(Path(workflow.basedir)))

# A configuration given with --configfile replaces the demo's, it is not merged into it.
if not workflow.overwrite_configfiles:

    configfile: Path(workflow.basedir) / "config.yaml"


include: "rules/common.smk"


wait_passively()  # all jobs inherit it


wildcard_constraints:
    encoder="|".join(ENCODERS),
    reranker="|".join(RERANKERS),
    system="|".join(SYSTEMS),
    weights="trained|untrained",
    role="query|reference|noise",
    rate=r"\d+",
    shard=r"\d{4}",
    segments=r"\d+",
    artefact=r"\w[\w.-]*",
    protocol="released|corrected",


include: "rules/metrics.smk"


if IS_PUBLISHED or DOWNLOADS_FMA:

    include: "rules/artefacts.smk"


if IS_PUBLISHED:

    include: "rules/published.smk"

else:

    include: "rules/data.smk"
    include: "rules/separation.smk"
    include: "rules/training.smk"

    if READY:

        include: "rules/ready_weights.smk"
    include: "rules/fingerprints.smk"
    include: "rules/landmarks.smk"
    include: "rules/evaluation.smk"
    include: "rules/calibration.smk"
    include: "rules/scale.smk"
    include: "rules/report.smk"

    if PAGE_SYSTEM:

        include: "rules/page.smk"


# The workflow takes longer to read with them, once more for each seed.
if ABLATION_ROWS and any("ablation" in argument for argument in sys.argv):

    include: "rules/ablations.smk"


if IS_DEMO and "default" in ENCODERS and "default" in SYSTEMS:

    include: "rules/release.smk"

    rule default_model:
        input:
            f"{RUN}/release/model.pt",
            f"{RUN}/release/model_card.md",
            f"{RUN}/models/default/calibration.json",


rule all:
    default_target: True
    input:
        final_output(),


rule data:
    input:
        data_files(),


rule stems:
    input:
        stem_files(),


rule models:
    input:
        model_files(),


rule fingerprints:
    input:
        fingerprint_files(),


rule metrics:
    input:
        f"{RUN}/report/metrics.csv",


if not IS_PUBLISHED:

    rule scale:
        input:
            f"{RUN}/scale/scale.png",

    rule calibrations:
        input:
            [f"{RUN}/models/{encoder}/calibration.json" for encoder in used_encoders()],


if ABLATION_ROWS:

    rule ablations:
        input:
            f"{RUN}/ablations/ablations.png",
