"""Scale study: the same queries in catalogues enlarged with distractors, by kind of index."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pandas as pd

from neuralsampleid.catalogue.formats import SEGMENT, split
from neuralsampleid.config import Index
from neuralsampleid.errors import UserError
from neuralsampleid.evaluation.metrics import hit_at_k
from neuralsampleid.files import replacing_folder
from neuralsampleid.fingerprints.index import SearchIndex, build_index, list_numbers
from neuralsampleid.fingerprints.segments import Embeddings, Integers, Segments
from neuralsampleid.matching.ranking import rank_tracks, rank_votes
from neuralsampleid.studies.distractors import fit_distractors

COLUMNS = (
    "segments", "kind", "lists", "probes", "queries", "hit_1", "hit_3", "hit_10", "kept",
    "ms_one_thread", "ms_all_threads", "threads", "build_s", "bytes_per_segment",
)  # fmt: skip
DISTANCE_COLUMNS = ("catalogue", "neighbour", "share", "distance")
_LOG = logging.getLogger(__name__)
_CUTOFFS = (1, 3, 10)
_TRAINED_PER_LIST = 64
_TIMED_S = 3.0  # at least, for each speed


def sounding_tracks(segments: Segments) -> dict[str, Embeddings]:
    """Tracks without their silent segments; tracks of silence alone are left out."""
    tracks = ((name, track.embeddings) for name, track in segments.sounding().each_track())
    return {name: np.asarray(rows) for name, rows in tracks if len(rows)}


def neighbour_distances(
    queries: Embeddings, noise: Sequence[Embeddings], components: int, seed: int
) -> pd.DataFrame:
    """How far queries are from real noise and from distractors, side by side.

    The model is fitted to every other noise track. As far as the other half, the yardstick, is from
    the fitted half in distribution, so far may the distractors be from either.

    Args:
        queries: (segments, d).
        noise: at least four tracks, each (segments, d).
        components: of the mixture.
        seed: of fit and draw.

    Returns:
        Columns ``DISTANCE_COLUMNS``: percentiles (``share`` 0.01 … 0.99) of the Euclidean distance
        to the nearest and the 20th nearest segment of catalogues of equal size.
    """
    fitted, held_out = noise[::2], noise[1::2]
    model = fit_distractors(fitted, components, seed)
    size = min(sum(map(len, fitted)), sum(map(len, held_out)))
    drawn = [track for part in model.draw(size, seed + 1) for track in part]
    shares, rows = np.arange(1, 100) / 100, []
    catalogues = {"fitted noise": fitted, "held-out noise": held_out, "distractors": drawn}
    for name, tracks in catalogues.items():
        nearest = -np.sort(-(queries @ np.concatenate(tracks)[:size].T), axis=1)
        for neighbour in (1, 20):
            distances = np.sqrt(np.maximum(2 - 2 * nearest[:, neighbour - 1], 0))
            values = np.quantile(distances, shares)
            rows += [
                (name, neighbour, share, round(float(value), 4))
                for share, value in zip(shares.tolist(), values, strict=True)
            ]
    return pd.DataFrame(rows, columns=list(DISTANCE_COLUMNS))


def write_enlarged(
    folder: Path,
    references: Mapping[str, Embeddings],
    noise: Mapping[str, Embeddings],
    segments: int,
    components: int,
    seed: int,
) -> None:
    """Write references, noise and as many distractors as make ``segments`` in all.

    ``embeddings.npy`` float32 (segments, d) and ``tracks.npy`` int32 (segments,), the number of
    each row's track, references first. Smaller catalogues are its beginnings.
    """
    real = [*references.values(), *noise.values()]
    model = fit_distractors(list(noise.values()), components, seed)
    with replacing_folder(folder) as temporary:
        shape = (segments, real[0].shape[1])
        rows = np.lib.format.open_memmap(
            temporary / "embeddings.npy", mode="w+", dtype=np.float32, shape=shape
        )
        tracks = np.lib.format.open_memmap(
            temporary / "tracks.npy", mode="w+", dtype=np.int32, shape=shape[:1]
        )
        first, number = 0, 0
        missing = max(0, segments - sum(map(len, real)))
        for part in (real, *model.draw(missing, seed)):
            for track in part:
                last = min(first + len(track), segments)
                rows[first:last], tracks[first:last] = track[: last - first], number
                first, number = last, number + 1
        rows.flush()
        tracks.flush()


def open_enlarged(folder: Path, segments: int, references: Sequence[str]) -> Segments:
    """The first ``segments`` rows of what ``write_enlarged`` wrote; they stay on the disk.

    Raises:
        UserError: there are not enough of them.
    """
    embeddings = np.load(folder / "embeddings.npy", mmap_mode="r")
    tracks = np.load(folder / "tracks.npy", mmap_mode="r")[:segments].astype(np.int64)
    if len(tracks) < segments:
        raise UserError(f"{folder}: {len(tracks)} segments, expected at least {segments}")
    others = [f"distractor_{place}" for place in range(len(references), int(tracks[-1]) + 1)]
    counts = dict(zip([*references, *others], np.bincount(tracks).tolist(), strict=True))
    return Segments.of(counts, embeddings[:segments])


def compare_kinds(
    searched: Segments,
    queries: pd.DataFrame,
    query_segments: Segments,
    kinds: Sequence[str],
    *,
    candidates: int,
    seed: int,
    threads: int,
) -> pd.DataFrame:
    """Build each kind of index on the CPU, search it, and take the time.

    Args:
        searched: the catalogue.
        queries: segment queries, columns ``formats.QUERIES``.
        query_segments: of their tracks.
        kinds: of ``config.Index``, ``flat`` first.
        candidates: per query segment.
        seed: of the sample that cells and codes are learnt from.
        threads: "all"; a graph is built by as many, too, so that it differs a little each time.

    Returns:
        Columns ``COLUMNS``. ``kept`` is the share of the flat index's candidates that were found;
        times are milliseconds for a fingerprint when those of a query are searched together: of the
        processor for one thread, of the clock for all.
    """
    size = len(searched.tracks)
    chosen = [
        query_segments.sounding_within(row.query_id, row.query_start_s, row.query_end_s)
        for row in queries.itertuples(index=False)
    ]
    batches = [np.asarray(query_segments.embeddings[rows]) for rows in chosen]
    lists, probes = list_numbers(size)
    sample = np.random.default_rng(seed).permutation(size)[: _TRAINED_PER_LIST * max(lists, 1024)]
    training = np.asarray(searched.embeddings[np.sort(sample)])
    rows: list[dict[str, object]] = []
    exact: list[Integers] = []
    for kind in kinds:
        settings = Index.model_validate({"kind": kind, "lists": lists, "probes": probes})
        found, measured = _measure(settings, searched, training, batches, candidates, threads)
        _LOG.info("%s: built in %s s, searched and timed", measured["kind"], measured["build_s"])
        exact = exact or found
        about = {"segments": size, "queries": len(queries), "threads": threads}
        about |= {"lists": lists, "probes": probes} if "ivf" in str(measured["kind"]) else {}
        hits = _hit_rates(found, queries["relevant"], searched)
        rows.append({**about, **hits, "kept": round(_kept(found, exact), 4), **measured})
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return table.astype({"lists": "Int64", "probes": "Int64"})


def queries_of_length(queries: pd.DataFrame, seconds: float) -> pd.DataFrame:
    """Segment queries of one length.

    Raises:
        UserError: there is none.
    """
    chosen = queries[(queries["task"] == SEGMENT) & (queries["query_seconds"] == seconds)]
    if chosen.empty:
        raise UserError(
            f"scale.query_seconds: no query of {seconds:g} s, expected one of "
            "queries.query_seconds that passages reach"
        )
    return chosen


def _measure(
    settings: Index,
    searched: Segments,
    training: Embeddings,
    batches: Sequence[Embeddings],
    candidates: int,
    threads: int,
) -> tuple[list[Integers], dict[str, object]]:
    """Build one index, search it, and let it go: at 10^7 segments there is no room for two.

    Returns:
        The rows that each query found, and the columns of ``COLUMNS`` that describe the index.
    """
    started = time.perf_counter()
    index = build_index(
        searched.embeddings, settings, training, device="cpu", threads=threads, repeatable=False
    )
    build_s = time.perf_counter() - started
    return [index.search(batch, candidates, threads)[1] for batch in batches], {
        "kind": index.kind,
        "build_s": round(build_s, 1),
        "ms_one_thread": round(_milliseconds(index, batches, candidates, 1), 3),
        "ms_all_threads": round(_milliseconds(index, batches, candidates, threads), 3),
        "bytes_per_segment": round(_stored_bytes(index) / len(searched.tracks), 1),
    }


def _hit_rates(
    found: Sequence[Integers], relevant: Sequence[str], searched: Segments
) -> dict[str, float]:
    hits = []
    for rows, ids in zip(found, relevant, strict=True):
        ranked = rank_tracks(rows, rank_votes(rows), searched)
        ranking = [searched.track_ids[hit.track] for hit in ranked]
        hits.append([hit_at_k(ranking, set(split(ids)), k) for k in _CUTOFFS])
    rates = np.mean(hits, axis=0)
    return {f"hit_{k}": round(float(r), 6) for k, r in zip(_CUTOFFS, rates, strict=True)}


def _kept(found: Sequence[Integers], exact: Sequence[Integers]) -> float:
    shares = [
        len(np.intersect1d(own, best)) / len(best)
        for rows, wanted in zip(found, exact, strict=True)
        for own, best in zip(rows, wanted, strict=True)
    ]
    return float(np.mean(shares))


def _milliseconds(
    index: SearchIndex, batches: Sequence[Embeddings], candidates: int, threads: int
) -> float:
    # Of one thread the processor's time counts, which other work on the machine changes little.
    clock = time.process_time if threads == 1 else time.perf_counter
    index.search(batches[0], candidates, threads)  # warm
    searched, started = 0, clock()
    for batch in batches:
        index.search(batch, candidates, threads)
        searched += len(batch)
        if clock() - started > _TIMED_S:
            break
    return 1000 * (clock() - started) / searched


def _stored_bytes(index: SearchIndex) -> int:
    """Size of the index's file, without writing it."""
    library: Any = faiss
    written = 0

    def count(block: bytes) -> None:
        nonlocal written
        written += len(block)

    library.write_index(index.labelled, library.PyCallbackIOWriter(count, 1 << 22))
    return written
