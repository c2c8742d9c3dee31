# Needs: a trained encoder's fingerprints of all roles, the queries. Target: snakemake calibrations.
# Makes: the probability function of nsid identify (calibration.json), beside the weights.


rule calibrate:
    input:
        queries=f"{RUN}/evaluation/queries.csv",
        query_stores=query_stores,
        stores=searched_stores,
    output:
        calibration=f"{RUN}/models/{{encoder}}/calibration.json",
        trials=f"{RUN}/evaluation/trials/{{encoder}}.csv",
    log:
        f"{RUN}/logs/calibrate_{{encoder}}.log",
    benchmark:
        f"{RUN}/benchmarks/calibrate_{{encoder}}.tsv"
    conda:
        f"../envs/torch_{BUILD}.yaml"
    threads: 16
    resources:
        mem_mb=attempts(16000),
        runtime=attempts(120),
    message:
        "Calibrating what is found with encoder {wildcards.encoder}"
    script:
        "../scripts/calibrate.py"
