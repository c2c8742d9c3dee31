"""The benchmark from audio to tables; one rule file per stage, see docs/architecture.md."""

import sys
from pathlib import Path

from snakemake.utils import min_version

min_version("9.27")

# Scripts find the library beside this file, in conda environments too.
sys.path.insert(0, str(Path(workflow.basedir)))


include: "rules/common.smk"


wait_passively()  # all jobs inherit it


wildcard_constraints:
    system="|".join(SYSTEMS),
    artefact=r"\w[\w.-]*",


if isinstance(CONFIG, UpstreamConfig):

    include: "upstream/rules.smk"

else:

    include: "rules/benchmark.smk"
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
    include: "rules/targets.smk"


include: "rules/metrics.smk"


rule all:
    default_target: True
    input:
        final_output(),


rule data:
    input:
        data_files(),


rule metrics:
    input:
        f"{RUN}/report/metrics.csv",
