# Needs: the catalogue's occurrences, fingerprint stores, indexes, the re-ranker.
# Makes: the queries, and per system and bound the rankings, one row per query, and the metrics;
# then the systems compared in pairs.


rule find_copies:
    input:
        tracks=f"{DATA}/tracks.csv",
        occurrences=f"{DATA}/occurrences.csv",
        # Other encodings are found where the run finds landmarks anyway.
        peaks=expand(
            f"{RUN}/fingerprints/landmarks/{{role}}.npz",
            role=["query", *searched_roles()] if CONFIG.landmark_systems else [],
        ),
    output:
        left_out=report(
            f"{RUN}/evaluation/left_out.csv",
            caption="../report/left_out.rst",
            category="Tables",
            labels={"table": "tracks left out"},
        ),
    log:
        f"{RUN}/logs/find_copies.log",
    benchmark:
        f"{RUN}/benchmarks/find_copies.tsv"
    conda:
        "../envs/audio.yaml"
    threads: 1
    resources:
        mem_mb=attempts(4000),
        runtime=attempts(60),
    message:
        "Looking for the same recording in two roles"
    script:
        "../scripts/find_copies.py"


rule derive_queries:
    input:
        left_out=f"{RUN}/evaluation/left_out.csv",
        tracks=f"{DATA}/tracks.csv",
        occurrences=f"{DATA}/occurrences.csv",
        samples=(
            [f"{DATA}/samples.csv"]
            if CONFIG.data.kind in {"demo", "free_music"}
            or Path(DATA, "samples.csv").exists()
            else []
        ),
    output:
        queries=f"{RUN}/evaluation/queries.csv",
    log:
        f"{RUN}/logs/derive_queries.log",
    benchmark:
        f"{RUN}/benchmarks/derive_queries.tsv"
    conda:
        "../envs/audio.yaml"
    threads: 1
    params:
        queries=section(CONFIG.queries),
    message:
        "Deriving queries from the catalogue's occurrences"
    script:
        "../scripts/derive_queries.py"


rule match:
    input:
        queries=f"{RUN}/evaluation/queries.csv",
        query_stores=query_stores,
        stores=searched_stores,
        index=index,
        reranker=reranker_weights,
    output:
        matches=f"{RUN}/evaluation/{{system}}/matches.csv",
    log:
        f"{RUN}/logs/match_{{system}}.log",
    benchmark:
        f"{RUN}/benchmarks/match_{{system}}.tsv"
    wildcard_constraints:
        system=pattern(row.name for row in CONFIG.encoder_systems),
    conda:
        f"../envs/torch_{BUILD}.yaml"
    threads: 1
    resources:
        mem_mb=attempts(16000),
        runtime=attempts(240),
        gpu=GPUS,
    params:
        candidates=CONFIG.search.candidates,
        device=CONFIG.device,
        precision=CONFIG.precision,
        tracks=CONFIG.ranking.tracks,
        reranker=values_of(reranker, "rescoring"),
    message:
        "Ranking tracks for every query: {wildcards.system}"
    script:
        "../scripts/match.py"


rule fuse:
    input:
        matches=lambda wildcards: expand(
            f"{RUN}/evaluation/{{system}}/matches.csv",
            system=SYSTEMS[wildcards.system].parts,
        ),
    output:
        matches=f"{RUN}/evaluation/{{system}}/matches.csv",
    log:
        f"{RUN}/logs/fuse_{{system}}.log",
    benchmark:
        f"{RUN}/benchmarks/fuse_{{system}}.tsv"
    wildcard_constraints:
        system=pattern(row.name for row in CONFIG.fused_systems),
    conda:
        "../envs/audio.yaml"
    threads: 1
    resources:
        mem_mb=attempts(4000),
        runtime=attempts(60),
    params:
        tracks=CONFIG.ranking.tracks,
    message:
        "Fusing rankings: {wildcards.system}"
    script:
        "../scripts/fuse.py"


rule add_evidence:
    input:
        matches=lambda wildcards: (
            f"{RUN}/evaluation/{SYSTEMS[wildcards.system].parts[0]}/matches.csv"
        ),
        query_stores=query_stores,
        stores=searched_stores,
        query_peaks=f"{RUN}/fingerprints/landmarks/query.npz",
        peaks=expand(
            f"{RUN}/fingerprints/landmarks/{{role}}.npz", role=searched_roles()
        ),
    output:
        matches=f"{RUN}/evaluation/{{system}}/matches.csv",
    log:
        f"{RUN}/logs/add_evidence_{{system}}.log",
    benchmark:
        f"{RUN}/benchmarks/add_evidence_{{system}}.tsv"
    wildcard_constraints:
        system=pattern(row.name for row in CONFIG.evidence_systems),
    conda:
        f"../envs/torch_{BUILD}.yaml"
    threads: 1
    resources:
        mem_mb=attempts(16000),
        runtime=attempts(240),
    params:
        peaks=section(CONFIG.peaks),
        landmarks=section(CONFIG.landmarks),
        row=lambda wildcards: section(SYSTEMS[wildcards.system]),
    message:
        "Ranking tracks by landmarks and fingerprints: {wildcards.system}"
    script:
        "../scripts/add_evidence.py"


rule read_rankings:
    input:
        tracks=f"{DATA}/tracks.csv",
        queries=f"{RUN}/evaluation/queries.csv",
        rankings=lambda wildcards: SYSTEMS[wildcards.system].rankings,
    output:
        matches=f"{RUN}/evaluation/{{system}}/matches.csv",
        lines=f"{RUN}/evaluation/{{system}}/lines/{{system}}.csv",
    log:
        f"{RUN}/logs/read_rankings_{{system}}.log",
    benchmark:
        f"{RUN}/benchmarks/read_rankings_{{system}}.tsv"
    wildcard_constraints:
        system=pattern(row.name for row in CONFIG.external_systems),
    conda:
        "../envs/audio.yaml"
    threads: 1
    params:
        tracks=CONFIG.ranking.tracks,
    message:
        "Reading another program's rankings: {wildcards.system}"
    script:
        "../scripts/read_rankings.py"


rule bound:
    input:
        tracks=f"{DATA}/tracks.csv",
        occurrences=f"{DATA}/occurrences.csv",
        queries=f"{RUN}/evaluation/queries.csv",
    output:
        matches=f"{RUN}/evaluation/{{system}}/matches.csv",
        lines=f"{RUN}/evaluation/{{system}}/lines/{{system}}.csv",
    log:
        f"{RUN}/logs/bound_{{system}}.log",
    benchmark:
        f"{RUN}/benchmarks/bound_{{system}}.tsv"
    wildcard_constraints:
        system=pattern(row.name for row in SYSTEMS.values() if row.kind == "bound"),
    conda:
        "../envs/audio.yaml"
    threads: 1
    params:
        tracks=CONFIG.ranking.tracks,
        seed=CONFIG.seed,
    message:
        "Ranking tracks for every query: {wildcards.system}"
    script:
        "../scripts/bound.py"


rule evaluate:
    input:
        tracks=f"{DATA}/tracks.csv",
        occurrences=f"{DATA}/occurrences.csv",
        queries=f"{RUN}/evaluation/queries.csv",
        matches=f"{RUN}/evaluation/{{system}}/matches.csv",
        lines=lambda wildcards: expand(
            f"{RUN}/evaluation/{wildcards.system}/lines/{{part}}.csv",
            part=SYSTEMS[wildcards.system].parts,
        ),
    output:
        per_query=f"{RUN}/evaluation/{{system}}/per_query.csv",
        metrics=f"{RUN}/evaluation/{{system}}/metrics.csv",
        quantities=f"{RUN}/evaluation/{{system}}/quantities.csv",
        reliability=f"{RUN}/evaluation/{{system}}/reliability.csv",
        answers=f"{RUN}/evaluation/{{system}}/answers.csv",
    log:
        f"{RUN}/logs/evaluate_{{system}}.log",
    benchmark:
        f"{RUN}/benchmarks/evaluate_{{system}}.tsv"
    conda:
        "../envs/audio.yaml"
    threads: 1
    resources:
        mem_mb=attempts(4000),
        runtime=attempts(60),
    params:
        evaluation=section(CONFIG.queries, CONFIG.metrics, CONFIG.intervals),
        seed=CONFIG.seed,
        partial=lambda wildcards: SYSTEMS[wildcards.system].kind == "external",
    message:
        "Scoring {wildcards.system}"
    script:
        "../scripts/evaluate.py"


rule compare:
    input:
        metrics=f"{RUN}/report/metrics.csv",
        per_query=expand(
            f"{RUN}/evaluation/{{system}}/per_query.csv",
            system=[system.name for system in CONFIG.systems],
        ),
    output:
        comparisons=report(
            f"{RUN}/report/comparisons.csv",
            caption="../report/comparisons.rst",
            category="Tables",
            labels={"table": "comparisons, long"},
        ),
        found_by_one=f"{RUN}/report/found_by_one.csv",
    log:
        f"{RUN}/logs/compare.log",
    benchmark:
        f"{RUN}/benchmarks/compare.tsv"
    conda:
        "../envs/audio.yaml"
    threads: 1
    resources:
        mem_mb=attempts(4000),
        runtime=attempts(60),
    params:
        systems=[system.name for system in CONFIG.systems],
        evaluation=section(
            CONFIG.queries, CONFIG.metrics, CONFIG.intervals, CONFIG.comparisons
        ),
        seed=CONFIG.seed,
    message:
        "Comparing systems in pairs"
    script:
        "../scripts/compare.py"
