"""The benchmark from audio to tables; one rule file per stage, see docs/architecture.md."""

import sys
from pathlib import Path

from snakemake.utils import min_version

min_version("9.27")

# Scripts find the library beside this file, in conda environments too.
sys.path.insert(0, str(Path(workflow.basedir)))


report: "report/workflow.rst"


include: "rules/common.smk"


wildcard_constraints:
    system=pattern(SYSTEMS),
    ranked=pattern(SYSTEMS),
    artefact=r"\w[\w.-]*",


if isinstance(CONFIG, UpstreamConfig):

    include: "upstream/rules.smk"

else:

    wildcard_constraints:
        encoder=pattern(CONFIG.encoders),
        reranker=pattern(CONFIG.rerankers),
        weights="trained|untrained",
        role="query|reference|noise",
        rate=r"\d+",
        shard=r"\d{4}",
        segments=r"\d+",

    include: f"rules/datasets/{CONFIG.data.kind}.smk"
    include: "rules/separation.smk"
    include: "rules/training.smk"
    include: "rules/fingerprints.smk"
    include: "rules/landmarks.smk"
    include: "rules/evaluation.smk"
    include: "rules/locating.smk"
    include: "rules/calibration.smk"
    include: "rules/scale.smk"
    include: "rules/library.smk"
    include: "rules/report.smk"
    include: "rules/page.smk"
    include: "rules/shipping.smk"

    if CONFIG.ablations is not None:

        include: "rules/ablations.smk"
    include: "rules/targets.smk"


include: "rules/metrics.smk"


rule all:
    default_target: True
    input:
        rules.whole_report.input,
