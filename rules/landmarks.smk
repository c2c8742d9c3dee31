# Needs: the catalogue's audio, the queries.
# Makes: the peaks of each role's tracks, and per landmark system the rankings.


rule find_peaks:
    input:
        tracks=f"{DATA}/tracks.csv",
    output:
        peaks=f"{RUN}/fingerprints/landmarks/{{role}}.npz",
    log:
        f"{RUN}/logs/find_peaks_{{role}}.log",
    benchmark:
        f"{RUN}/benchmarks/find_peaks_{{role}}.tsv"
    conda:
        "../envs/audio.yaml"
    threads: 1
    resources:
        mem_mb=attempts(4000),
        runtime=attempts(120),
    params:
        peaks=section(CONFIG.peaks),
    message:
        "Finding the spectral peaks of {wildcards.role} tracks"
    script:
        "../scripts/find_peaks.py"


rule match_landmarks:
    input:
        queries=f"{RUN}/evaluation/queries.csv",
        query_peaks=f"{RUN}/fingerprints/landmarks/query.npz",
        peaks=expand(
            f"{RUN}/fingerprints/landmarks/{{role}}.npz", role=searched_roles()
        ),
    output:
        matches=f"{RUN}/evaluation/{{system}}/matches.csv",
    log:
        f"{RUN}/logs/match_landmarks_{{system}}.log",
    benchmark:
        f"{RUN}/benchmarks/match_landmarks_{{system}}.tsv"
    wildcard_constraints:
        system=pattern(row.name for row in CONFIG.landmark_systems),
    conda:
        "../envs/audio.yaml"
    threads: 16
    resources:
        mem_mb=attempts(8000),
        runtime=attempts(240),
    params:
        peaks=section(CONFIG.peaks),
        landmarks=section(CONFIG.landmarks),
        tracks=CONFIG.ranking.tracks,
    message:
        "Ranking tracks for every query: {wildcards.system}"
    script:
        "../scripts/match_landmarks.py"
