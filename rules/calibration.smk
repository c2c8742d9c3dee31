# Needs: the queries, and fingerprints or peaks of all roles. Target: snakemake calibrations.
# Makes: the probability function of nsid identify (calibration.json), beside an encoder's weights and
# beside the peaks.


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


rule calibrate_landmarks:
    input:
        queries=f"{RUN}/evaluation/queries.csv",
        query_peaks=f"{RUN}/fingerprints/landmarks/query.npz",
        peaks=expand(
            f"{RUN}/fingerprints/landmarks/{{role}}.npz", role=searched_roles()
        ),
    output:
        calibration=f"{RUN}/fingerprints/landmarks/calibration.json",
        trials=f"{RUN}/fingerprints/landmarks/trials.csv",
    log:
        f"{RUN}/logs/calibrate_landmarks.log",
    benchmark:
        f"{RUN}/benchmarks/calibrate_landmarks.tsv"
    conda:
        f"../envs/torch_{BUILD}.yaml"
    threads: 16
    resources:
        mem_mb=attempts(8000),
        runtime=attempts(120),
    params:
        peaks=section(CONFIG.peaks),
        landmarks=section(CONFIG.landmarks),
    message:
        "Calibrating what is found by landmarks"
    script:
        "../scripts/calibrate_landmarks.py"
