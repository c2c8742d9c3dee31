# Needs: rankings, the queries, and what the ranked tracks were found by: fingerprints or peaks.
# Makes: per system the lines of the first tracks of its rankings; of a fusion, those that each of
# its systems finds of the tracks that stand out most in it.


rule locate:
    input:
        tracks=f"{DATA}/tracks.csv",
        queries=f"{RUN}/evaluation/queries.csv",
        matches=f"{RUN}/evaluation/{{ranked}}/matches.csv",
        parts=lambda wildcards: expand(
            f"{RUN}/evaluation/{{part}}/matches.csv",
            part=SYSTEMS[wildcards.ranked].parts,
        ),
        query_stores=query_stores,
        stores=searched_stores,
        index=index,
    output:
        lines=f"{RUN}/evaluation/{{ranked}}/lines/{{system}}.csv",
    log:
        f"{RUN}/logs/locate_{{ranked}}_{{system}}.log",
    benchmark:
        f"{RUN}/benchmarks/locate_{{ranked}}_{{system}}.tsv"
    wildcard_constraints:
        system=pattern(row.name for row in CONFIG.encoder_systems),
    conda:
        f"../envs/torch_{BUILD}.yaml"
    threads: 1
    resources:
        mem_mb=attempts(16000),
        runtime=attempts(120),
        gpu=GPUS,
    params:
        candidates=CONFIG.search.candidates,
        device=CONFIG.device,
        place=lambda wildcards: SYSTEMS[wildcards.ranked].parts.index(wildcards.system),
        tracks=lambda wildcards: (
            CONFIG.page.tracks if wildcards.ranked == CONFIG.page_system else 0
        ),
    message:
        "Locating the first tracks of {wildcards.ranked} in every query: {wildcards.system}"
    script:
        "../scripts/locate.py"


rule locate_landmarks:
    input:
        queries=f"{RUN}/evaluation/queries.csv",
        matches=f"{RUN}/evaluation/{{ranked}}/matches.csv",
        parts=lambda wildcards: expand(
            f"{RUN}/evaluation/{{part}}/matches.csv",
            part=SYSTEMS[wildcards.ranked].parts,
        ),
        query_peaks=f"{RUN}/fingerprints/landmarks/query.npz",
        peaks=expand(
            f"{RUN}/fingerprints/landmarks/{{role}}.npz", role=searched_roles()
        ),
    output:
        lines=f"{RUN}/evaluation/{{ranked}}/lines/{{system}}.csv",
    log:
        f"{RUN}/logs/locate_{{ranked}}_{{system}}.log",
    benchmark:
        f"{RUN}/benchmarks/locate_{{ranked}}_{{system}}.tsv"
    wildcard_constraints:
        system=pattern(row.name for row in CONFIG.landmark_systems),
    conda:
        "../envs/audio.yaml"
    threads: 1
    resources:
        mem_mb=attempts(8000),
        runtime=attempts(240),
    params:
        peaks=section(CONFIG.peaks),
        landmarks=section(CONFIG.landmarks),
        place=lambda wildcards: SYSTEMS[wildcards.ranked].parts.index(wildcards.system),
    message:
        "Locating the first tracks of {wildcards.ranked} in every query: {wildcards.system}"
    script:
        "../scripts/locate_landmarks.py"
