"""Synthetic fingerprints in the layout of the released archive.

``write_parity_set`` draws what the release's evaluation was run on for the parity fixture
``release_eval_seed7.json``: same draws in the same order, so the same arrays. ``write_set`` writes
arrays that a test chose.
"""

import json
from pathlib import Path

import numpy as np

SIZE, CHANNELS, NODES = 128, 512, 32


def unit(rows: np.ndarray) -> np.ndarray:
    """Rows of length 1, float32."""
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


def write_rows(folder: Path, name: str, rows: np.ndarray, lookup: list[str] | None = None) -> None:
    """``<name>.mm``, its shape, and its lookup if there is one."""
    rows.astype("<f4").tofile(folder / f"{name}.mm")
    np.save(folder / f"{name}_shape.npy", rows.shape)
    if lookup is not None:
        (folder / f"{name}_lookup.json").write_text(json.dumps(lookup))


def write_set(
    folder: Path,
    noise: np.ndarray,
    references: dict[str, np.ndarray],
    occurrences: dict[str, np.ndarray],
    queries: dict[str, np.ndarray],
    *,
    reference_nodes: dict[str, np.ndarray] | None = None,
    occurrence_nodes: dict[str, np.ndarray] | None = None,
    query_nodes: dict[str, np.ndarray] | None = None,
) -> Path:
    """Write the fingerprints of tracks (and node matrices, where given); returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    write_rows(folder, "dummy_db", noise)
    for name, tracks in (
        ("ref_db", references),
        ("query_db", occurrences),
        ("query_full_db", queries),
    ):
        lookup = [track for track, rows in tracks.items() for _ in rows]
        write_rows(folder, name, np.concatenate(list(tracks.values())), lookup)
    if reference_nodes is not None:
        (folder / "ref_nmatrix").mkdir()
        for track, matrices in reference_nodes.items():
            np.save(folder / "ref_nmatrix" / f"{track}.npy", matrices)
    if occurrence_nodes is not None:
        np.save(folder / "query_nmatrix.npy", np.array(occurrence_nodes, dtype=object))
    if query_nodes is not None:
        np.save(folder / "query_full_nmatrix.npy", np.array(query_nodes, dtype=object))
    return folder


def write_parity_set(out: Path, seed: int = 7) -> tuple[Path, Path]:
    """24 references, 16 queries and 1,200 rows of noise; returns the folder and the ground truth.

    Each occurrence is drawn around rows of a reference, and its node matrices replace those of the
    track's occurrence before, as in the released archive.
    """
    rng = np.random.default_rng(seed)
    names = [f"T{number}" for number in range(100, 124)]
    references, reference_nodes = {}, {}
    for name in names:
        rows = int(rng.integers(8, 20))
        references[name] = unit(rng.standard_normal((rows, SIZE)))
        reference_nodes[name] = rng.standard_normal((rows, CHANNELS, NODES)).astype(np.float32)
    noise = unit(rng.standard_normal((1200, SIZE)))

    truth: dict[str, list[str]] = {name: [] for name in names}
    occurrences, occurrence_nodes, queries, query_nodes = {}, {}, {}, {}
    for number in range(16):
        query = f"T{200 + number}"
        sampled = [names[number]]
        if number % 4 == 0:
            sampled.append(names[(number * 5 + 3) % len(names)])
        rows, matrices = [], []
        for repetition in range(int(rng.integers(1, 4)) + len(sampled) - 1):
            reference = sampled[repetition % len(sampled)]
            truth[reference].append(query)
            length = int(rng.integers(2, 24))
            source = rng.integers(0, len(references[reference]), length)
            share = rng.uniform(0.05, 0.45, (length, 1))
            other = unit(rng.standard_normal((length, SIZE)))
            rows.append(unit(share * references[reference][source] + (1 - share) * other))
            other = rng.standard_normal((length, CHANNELS, NODES))
            blend = 0.6 * reference_nodes[reference][source] + 0.4 * other
            matrices.append(blend.astype(np.float32))
            occurrences[f"{query}_{len(occurrences)}"] = rows[-1]
            occurrence_nodes[query] = matrices[-1]
        rest = int(rng.integers(6, 20))
        rows.append(unit(rng.standard_normal((rest, SIZE))))
        matrices.append(rng.standard_normal((rest, CHANNELS, NODES)).astype(np.float32))
        queries[query], query_nodes[query] = np.concatenate(rows), np.concatenate(matrices)
    folder = write_set(
        out / "fingerprints",
        noise,
        references,
        occurrences,
        queries,
        reference_nodes=reference_nodes,
        occurrence_nodes=occurrence_nodes,
        query_nodes=query_nodes,
    )
    (out / "data").mkdir()
    ground_truth = out / "data" / "gt_dict.json"
    ground_truth.write_text(json.dumps(truth))
    return folder, ground_truth


def tree_bytes(folder: Path) -> dict[str, bytes]:
    """Every file below a folder and what is in it."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
