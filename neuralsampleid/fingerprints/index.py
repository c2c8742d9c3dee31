"""Nearest-neighbour search over fingerprints with FAISS.

Every kind of index measures squared Euclidean distance, as upstream does (docs/upstream.md,
"Search"); for vectors of length 1 it ranks like the inner product. Only with ``ivfpq`` do the two
differ a little, since its codes are not of length 1.
``ivfpq_rescored`` takes the best of these from a second store of 8 bits per dimension.
FAISS's own seeds are fixed, so the same fingerprints give the same index and the same results.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import faiss
import numpy as np
import numpy.typing as npt

from neuralsampleid import config
from neuralsampleid.config import Device
from neuralsampleid.errors import UserError
from neuralsampleid.files import replacing_file
from neuralsampleid.fingerprints.segments import Embeddings, Integers

Kind = Literal["flat", "ivf", "ivfpq", "hnsw", "ivfpq_rescored"]
FLAT_UP_TO = 1_000_000  # segments; see benchmarks/scale.md
ADDED_AT_ONCE = 1_000_000  # segments; bounds the memory beside the index
_CPU_ONLY = {"hnsw", "ivfpq_rescored"}


@dataclass(frozen=True)
class SearchIndex:
    """A filled index; ``build_index`` and ``load_index`` make it."""

    kind: Kind  # what was built, which may be simpler than what was asked for
    reason: str  # why it is simpler; empty if it is not
    labelled: Any  # a faiss.IndexIDMap whose labels are rows of the embeddings

    def search(
        self, queries: Embeddings, k: int, threads: int = 1, excluded: Integers | None = None
    ) -> tuple[npt.NDArray[np.float32], Integers]:
        """Find the rows most like each query.

        Args:
            queries: float32 (queries, d).
            k: rows per query.
            threads: of the CPU.
            excluded: rows that are passed over as if they were not in the index.

        Returns:
            Squared distances (queries, k), ascending, and rows (queries, k). Where fewer than k are
            found, the row is -1.
        """
        contiguous = np.ascontiguousarray(queries, dtype=np.float32)
        with faiss_threads(threads):
            if excluded is None or not len(excluded):
                distances, rows = self.labelled.search(contiguous, k)
            else:
                index = self._on_cpu()  # a GPU's search cannot pass over rows
                distances, rows = index.search(contiguous, k, params=_all_but(index, excluded))
        return distances, rows

    def save(self, path: Path) -> None:
        """Write the index as one FAISS file; it appears whole or not at all.

        Raises:
            OSError: the file cannot be written, for one because the disk is full.
        """
        library: Any = faiss
        with replacing_file(path) as temporary, temporary.open("wb") as file:
            # Given a path, FAISS takes the last bytes for written even where they are not.
            library.write_index(self._on_cpu(), library.PyCallbackIOWriter(file.write, 1 << 22))

    def _on_cpu(self) -> Any:  # noqa: ANN401 - faiss
        return faiss.index_gpu_to_cpu(self.labelled) if _gpus() else self.labelled


def build_index(
    embeddings: Embeddings,
    settings: config.Index,
    training: Embeddings | None = None,
    silent: npt.NDArray[np.bool_] | None = None,
    *,
    device: Device = "auto",
    threads: int = 1,
    repeatable: bool = True,
    added_at_once: int = ADDED_AT_ONCE,
) -> SearchIndex:
    """Train an index and fill it.

    ``auto`` becomes a kind by ``sized``. Data too few for the kind that ``settings`` asks for give
    a simpler one: ``ivfpq`` → ``ivf`` → ``flat``; the reason is logged and kept.

    Args:
        embeddings: (segments, d), rows of length 1 (silent ones may be anything).
        settings: kind and its parameters.
        training: (any number, d) what cells and codes are learnt from, upstream's system takes
            the noise tracks; by default what is added.
        silent: (segments,) rows that are not added and so are never found.
        device: what searches; auto is a GPU if FAISS finds one. ``hnsw`` and ``ivfpq_rescored``
            run on the CPU only.
        threads: of the CPU.
        repeatable: whether a graph (``hnsw``) is built by one thread all the same, because it
            depends on the order in which threads add to it.
        added_at_once: segments that are copied at a time.

    Raises:
        UserError: all segments are silent, or a GPU is asked for that is not there.
    """
    rows = np.arange(len(embeddings)) if silent is None else np.flatnonzero(~silent)
    if not len(rows):
        raise UserError(f"index: all {len(embeddings)} segments are silent, expected some sound")
    settings = sized(settings, len(rows))
    source = embeddings[rows] if training is None else training
    learnt = np.ascontiguousarray(source, dtype=np.float32)
    kind, reason = feasible_kind(settings, len(learnt), embeddings.shape[1])
    if reason:
        logging.getLogger(__name__).warning(reason)
    on_gpu = use_gpu(device, kind, _gpus())
    index = _empty_index(kind, settings, embeddings.shape[1])
    with faiss_threads(1 if kind == "hnsw" and repeatable else threads):
        index.train(learnt)
        labelled = _on_gpu(faiss.IndexIDMap(index)) if on_gpu else faiss.IndexIDMap(index)
        for first in range(0, len(rows), added_at_once):
            part = rows[first : first + added_at_once]
            added = np.ascontiguousarray(embeddings[part], dtype=np.float32)
            labelled.add_with_ids(added, part.astype(np.int64))
    return SearchIndex(kind, reason, labelled)


def search_blocks(
    blocks: Iterable[tuple[int, Embeddings]], queries: Embeddings, k: int, threads: int = 1
) -> tuple[npt.NDArray[np.float32], Integers]:
    """Search exactly, without an index: each block is read once, and memory does not grow.

    Args:
        blocks: of (rows, d), each with the number of its first row, ascending.
        queries: float32 (queries, d).
        k: rows per query.
        threads: of the CPU.

    Returns:
        Inner products (queries, k), the largest first, and their rows; of equals the first row. The
        row is -1 where there are fewer than k.
    """
    asked = np.ascontiguousarray(queries, dtype=np.float32)
    best = np.full((len(asked), k), -np.inf, np.float32)
    rows = np.full(best.shape, -1, np.int64)
    with faiss_threads(threads):
        for first, block in blocks:
            vectors = np.ascontiguousarray(block, dtype=np.float32)
            count = min(k, len(vectors))
            similar, places = faiss.knn(asked, vectors, count, faiss.METRIC_INNER_PRODUCT)
            best, rows = most_alike(k, (best, similar), (rows, places + first))
    return best, rows


def most_alike(k: int, *pairs: tuple[Any, Any]) -> Iterator[Any]:
    """What is most alike of two searches, (queries, k) each; of equals the first search's.

    Args:
        k: rows for each query.
        pairs: of similarities, most alike first, then of anything that goes with them.
    """
    every = [np.concatenate(pair, axis=1) for pair in pairs]
    order = np.argsort(-every[0], axis=1, kind="stable")[:, :k]
    return (np.take_along_axis(values, order, axis=1) for values in every)


def load_index(path: Path, device: Device = "auto") -> SearchIndex:
    """Read what ``SearchIndex.save`` wrote.

    Raises:
        UserError: the file is missing or of another kind, or a GPU is asked for and not there.
    """
    if not path.exists():
        raise UserError(f"{path}: no such file, expected a FAISS index")
    try:
        labelled: Any = faiss.read_index(str(path))
        inner = type(faiss.downcast_index(labelled.index)).__name__
    except (RuntimeError, AttributeError) as error:
        raise UserError(f"{path}: not an index that this program wrote") from error
    kinds: dict[str, Kind] = {
        "IndexFlat": "flat",
        "IndexFlatL2": "flat",
        "IndexIVFFlat": "ivf",
        "IndexIVFPQ": "ivfpq",
        "IndexHNSWFlat": "hnsw",
        "IndexRefine": "ivfpq_rescored",
    }
    if inner not in kinds:
        raise UserError(f"{path}: a FAISS {inner}, expected one of {', '.join(kinds)}")
    kind = kinds[inner]
    return SearchIndex(kind, "", _on_gpu(labelled) if use_gpu(device, kind, _gpus()) else labelled)


def sized(settings: config.Index, segments: int) -> config.Index:
    """Settings for a number of segments: what ``auto`` stands for; others stay as they are.

    Up to a million segments it is ``flat``; beyond, ``ivfpq_rescored`` with ``list_numbers``.
    """
    if settings.kind != "auto":
        return settings
    if segments <= FLAT_UP_TO:
        return settings.model_copy(update={"kind": "flat"})
    lists, probes = list_numbers(segments)
    update = {"kind": "ivfpq_rescored", "lists": lists, "probes": probes}
    return settings.model_copy(update=update)


def list_numbers(segments: int) -> tuple[int, int]:
    """Inverted lists for a number of segments, and how many of them to search.

    The power of two nearest to 2 √n, and an eighth of it (see benchmarks/scale.md).
    """
    lists = int(2 ** np.rint(np.log2(2 * np.sqrt(max(segments, 1)))))
    return lists, max(1, lists // 8)


def feasible_kind(settings: config.Index, points: int, size: int) -> tuple[Kind, str]:
    """The kind asked for, or the nearest simpler one that ``points`` can train.

    Args:
        settings: what is asked for; not ``auto``, see ``sized``.
        points: number of training vectors; each list and each code needs at least one.
        size: length of a vector.

    Returns:
        The kind, and one line that says why it is not the one asked for (empty if it is).
    """
    assert settings.kind != "auto"
    kind: Kind = settings.kind
    reasons = []
    quantised = {"ivfpq", "ivfpq_rescored"}
    if kind in quantised and size % settings.subquantizers:
        kind = "ivf"
        reasons.append(
            f"{settings.subquantizers} subquantizers do not divide embedding size {size}"
        )
    if kind in quantised and points < 2**settings.bits:
        kind = "ivf"
        reasons.append(
            f"{points} training vectors, {2**settings.bits} codes ({settings.bits} bits)"
        )
    if kind in {"ivf", *quantised} and points < settings.lists:
        kind = "flat"
        reasons.append(f"{points} training vectors, {settings.lists} lists")
    if not reasons:
        return kind, ""
    return kind, f"index: '{kind}' instead of '{settings.kind}': {'; '.join(reasons)}"


def _empty_index(kind: Kind, settings: config.Index, size: int) -> Any:  # noqa: ANN401 - faiss
    """An untrained FAISS index on the CPU."""
    if kind == "flat":
        return faiss.IndexFlatL2(size)
    if kind == "hnsw":
        graph = faiss.IndexHNSWFlat(size, settings.links)
        graph.hnsw.efSearch = 128  # recall before speed; FAISS's own is 16
        return graph
    cells = faiss.IndexFlatL2(size)
    lists: Any
    if kind == "ivf":
        lists = faiss.IndexIVFFlat(cells, size, settings.lists)
    else:
        lists = faiss.IndexIVFPQ(cells, size, settings.lists, settings.subquantizers, settings.bits)
        lists.pq.cp.min_points_per_centroid = 1  # silences one warning per sub-quantiser
    lists.cp.min_points_per_centroid = 1
    lists.nprobe = min(settings.probes, settings.lists)
    if kind != "ivfpq_rescored":
        return lists
    precise = faiss.IndexScalarQuantizer(size, faiss.ScalarQuantizer.QT_8bit)
    rescored = faiss.IndexRefine(lists, precise)
    rescored.k_factor = settings.rescored
    return rescored


def _all_but(labelled: Any, excluded: Integers) -> Any:  # noqa: ANN401 - faiss
    """Search parameters as the index has them, that pass over some labels."""
    library: Any = faiss  # its type stubs do not know these parameters
    wanted = library.IDSelectorNot(library.IDSelectorBatch(np.asarray(excluded, dtype=np.int64)))
    return _selecting(library, library.downcast_index(labelled.index), wanted)


def _selecting(library: Any, inner: Any, wanted: Any) -> Any:  # noqa: ANN401 - faiss
    if isinstance(inner, faiss.IndexRefine):
        base = _selecting(library, library.downcast_index(inner.base_index), wanted)
        return library.IndexRefineSearchParameters(k_factor=inner.k_factor, base_index_params=base)
    if isinstance(inner, faiss.IndexIVFPQ):
        return library.IVFPQSearchParameters(sel=wanted, nprobe=inner.nprobe)
    if isinstance(inner, faiss.IndexIVF):
        return library.IVFSearchParameters(sel=wanted, nprobe=inner.nprobe)
    if isinstance(inner, faiss.IndexHNSW):
        return library.SearchParametersHNSW(sel=wanted, efSearch=inner.hnsw.efSearch)
    return library.SearchParameters(sel=wanted)


def use_gpu(device: Device, kind: Kind, gpus: int) -> bool:
    """Whether an index of a kind lies on a GPU, of which FAISS finds so many.

    Raises:
        UserError: ``cuda`` without a GPU.
    """
    if device == "cuda" and not gpus:
        raise UserError(
            "device: 'cuda', but FAISS finds none; expected 'auto' or 'cpu', or a GPU and "
            "the package faiss-gpu in place of faiss-cpu"
        )
    return device != "cpu" and gpus > 0 and kind not in _CPU_ONLY


def _gpus() -> int:
    """The number of GPUs that FAISS finds; its CPU build finds none."""
    return int(faiss.get_num_gpus()) if hasattr(faiss, "StandardGpuResources") else 0


def _on_gpu(index: Any) -> Any:  # noqa: ANN401 - faiss
    return faiss.index_cpu_to_gpu(faiss.StandardGpuResources(), 0, index)


@contextmanager
def faiss_threads(number: int) -> Iterator[None]:
    """FAISS's number of threads is one for the process; it is put back afterwards."""
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(number)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)
