# Needs: a trained encoder's fingerprints of all roles, the queries. Target: snakemake calibrations.
# Makes: the probability function of nsid identify (calibration.json), beside the weights.


rule calibrate:
    input:
        queries=f"{RUN}/evaluation/queries.csv",
        query_stores=lambda wildcards: fingerprints_of(
            f"{wildcards.encoder}_trained", "query"
        ),
        stores=lambda wildcards: fingerprints_of(
            f"{wildcards.encoder}_trained", *SEARCHED_ROLES
        ),
    output:
        calibration=f"{RUN}/models/{{encoder}}/calibration.json",
        trials=f"{RUN}/evaluation/trials/{{encoder}}.csv",
    log:
        f"{RUN}/logs/calibrate_{{encoder}}.log",
    benchmark:
        f"{RUN}/benchmarks/calibrate_{{encoder}}.tsv"
    conda:
        f"../envs/torch_{BUILD}.yaml"
    threads: CORES
    resources:
        mem_mb=2500,
        runtime=120,
    message:
        "Calibrating what is found with encoder {wildcards.encoder}"
    script:
        "../scripts/calibrate.py"
