"""The re-ranker's scores of many query segments against many candidates.

A candidate is projected once, however many queries find it, and the linear maps behind the
attention are folded into one and applied to the candidate's values beforehand. What is left per
pair is the attention itself, done for many pairs in one matrix product. Upstream's evaluation
runs the whole classifier once per candidate found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from neuralsampleid.devices import Exact, computing, device_of
from neuralsampleid.fingerprints.segments import Integers
from neuralsampleid.matching.ranking import accepted
from neuralsampleid.models.reranker import CrossAttentionReranker

Matrices = npt.NDArray[np.floating[Any]]

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

_PROJECTED_AT_ONCE = 32  # segments
_KEPT_BYTES = 1 << 30  # of candidates' projections


class PairScorer:
    """Scores pairs of segments with a re-ranker, on the re-ranker's device.

    Args:
        reranker: in evaluation mode.
        candidate_nodes: candidates (c,) → their node matrices (c, channels, nodes).
        threads: of the CPU, each with batches of its own. Torch's own threads, which wait for each
            other after every operation, are off meanwhile.
        kept_bytes: of projections that are kept for the next query.
        precision: of the products; probabilities are float32.
        at_once: pairs that are scored at once, and candidates whose projections are in use; at
            upstream's size 512 take 8 MB of attention weights and 64 MB of projections.
    """

    def __init__(
        self,
        reranker: CrossAttentionReranker,
        candidate_nodes: Callable[[Integers], Matrices],
        threads: int = 1,
        kept_bytes: int = _KEPT_BYTES,
        precision: Exact = "float32",
        at_once: int = 512,
    ) -> None:
        self._reranker = reranker
        self._nodes_of = candidate_nodes
        self._threads = threads
        self._kept: dict[int, tuple[Tensor, Tensor]] = {}
        self._kept_bytes = kept_bytes
        self._device, self._precision = device_of(reranker), precision
        self._at_once = at_once
        with torch.inference_mode():
            hidden, self._last = cast(nn.Linear, reranker.fc[0]), reranker.fc[-1]
            out = reranker.attn.out_proj
            weight = hidden.weight @ out.weight  # (hidden, channels)
            self._folded = weight.unflatten(1, (reranker.heads, -1)).permute(1, 2, 0)
            self._bias = hidden.weight @ out.bias + hidden.bias

    @torch.inference_mode()
    def grid(self, query_nodes: Matrices, rows: Integers) -> npt.NDArray[np.float32]:
        """Score every query segment against every candidate.

        Args:
            query_nodes: (q, channels, nodes), q ≥ 1.
            rows: (c,) candidates.

        Returns:
            Probabilities (q, c); NaN where a node matrix holds NaN.
        """
        step = max(1, self._at_once // len(query_nodes))
        with _no_torch_threads(), ThreadPoolExecutor(self._threads) as pool:
            queries = self._project_queries(query_nodes, pool)
            parts = []
            for first in range(0, len(rows), self._at_once):
                part = rows[first : first + self._at_once]
                keys, values = self._project_candidates(part, pool)
                batches = zip(keys.split(step), values.split(step), strict=True)
                parts += self._each(pool, lambda batch: self._score(queries, *batch), batches)
        scores: npt.NDArray[np.float32] = torch.cat(parts, dim=1).float().cpu().numpy()
        return scores

    @torch.inference_mode()
    def pairs(self, query_nodes: Matrices, rows: Integers) -> npt.NDArray[np.float32]:
        """Score each query segment against candidates of its own.

        Args:
            query_nodes: (q, channels, nodes).
            rows: (q, k) candidates, −1 for none.

        Returns:
            Probabilities (q, k); NaN where there is no candidate, or a node matrix holds NaN.
        """
        scores = np.full(rows.shape, np.nan, np.float32)
        segments, places = np.nonzero(rows >= 0)
        with _no_torch_threads(), ThreadPoolExecutor(self._threads) as pool:
            for start in range(0, len(segments), self._at_once):
                part = slice(start, start + self._at_once)
                chosen = segments[part], places[part]
                distinct, which = np.unique(chosen[0], return_inverse=True)
                queries = self._project_queries(query_nodes[distinct], pool)
                queries = queries.unflatten(1, (len(distinct), -1)).transpose(0, 1)
                keys, values = self._project_candidates(rows[chosen], pool)
                with computing(self._device, self._precision):
                    # (pairs, heads, query's nodes, candidate's nodes)
                    attention = (queries[torch.from_numpy(which)] @ keys.mT).softmax(dim=3)
                    pooled = attention.mean(dim=2).flatten(1)[:, None]
                    found = self._probability(pooled, values)[:, 0]
                scores[chosen] = found.float().cpu()
        return scores

    def passing(self, query_nodes: Matrices, rows: Integers) -> npt.NDArray[np.float64]:
        """As ``pairs``, with 0 for candidates that the re-ranker rejects or cannot judge."""
        return accepted(self.pairs(query_nodes, rows).astype(np.float64))

    def _project_queries(self, nodes: Matrices, pool: ThreadPoolExecutor) -> Tensor:
        """(q, channels, nodes) → (heads, q · nodes, d), scaled for the attention."""

        def project(part: Matrices) -> Tensor:
            projected = self._reranker.project_query(self._tensor(part))
            return cast(Tensor, projected * projected.shape[-1] ** -0.5)

        parts = self._each(pool, project, _split(nodes))
        return torch.cat(parts).transpose(0, 1).flatten(1, 2)

    def _project_candidates(
        self, rows: Integers, pool: ThreadPoolExecutor
    ) -> tuple[Tensor, Tensor]:
        """Keys (c, heads, nodes, d) and folded values (c, heads, nodes, hidden)."""

        def project(part: Integers) -> list[tuple[Tensor, Tensor]]:
            candidate = self._reranker.project_candidate(self._tensor(self._nodes_of(part)))
            return list(zip(candidate.keys, candidate.values @ self._folded, strict=True))

        wanted = rows.tolist()
        missing = np.unique([row for row in wanted if row not in self._kept]).astype(np.int64)
        new = [pair for part in self._each(pool, project, _split(missing)) for pair in part]
        if new:
            size = sum(tensor.nbytes for tensor in new[0])
            if size * (len(self._kept) + len(new)) > self._kept_bytes:
                self._kept = {row: self._kept[row] for row in wanted if row in self._kept}
            self._kept.update(zip(missing.tolist(), new, strict=True))
        keys, values = zip(*(self._kept[row] for row in wanted), strict=True)
        return torch.stack(keys), torch.stack(values)

    def _score(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Queries (heads, q · nodes, d) and candidates → probabilities (q, c)."""
        heads, nodes, candidates = len(queries), keys.shape[2], len(keys)
        # One product per head: (q · nodes, d) × (d, c · nodes).
        products = queries @ keys.permute(1, 3, 0, 2).flatten(2)
        attention = products.view(heads, -1, nodes, candidates, nodes).softmax(dim=4)
        # The mean over the query's nodes comes before the values: both maps are linear.
        pooled = attention.mean(dim=2).permute(2, 1, 0, 3).flatten(2)
        return self._probability(pooled, values).T

    def _probability(self, pooled: Tensor, values: Tensor) -> Tensor:
        """Attention (c, q, heads · nodes) on candidates' folded values → (c, q)."""
        hidden = pooled @ values.flatten(1, 2) + self._bias
        logits: Tensor = self._last(hidden.relu())
        return logits[..., 0].sigmoid()

    def _each(
        self,
        pool: ThreadPoolExecutor,
        function: Callable[[_Item], _Result],
        items: Iterable[_Item],
    ) -> list[_Result]:
        """Map in the pool's threads; inference mode and precision are each thread's own."""

        def compute(item: _Item) -> _Result:
            with torch.inference_mode(), computing(self._device, self._precision):
                return function(item)

        return list(pool.map(compute, items))

    def _tensor(self, nodes: Matrices) -> Tensor:
        # A copy: node matrices may lie in read-only memory, which torch warns about.
        return torch.from_numpy(np.array(nodes, np.float32)).to(self._device)


def _split(rows: npt.NDArray[Any]) -> Iterator[npt.NDArray[Any]]:
    for start in range(0, len(rows), _PROJECTED_AT_ONCE):
        yield rows[start : start + _PROJECTED_AT_ONCE]


@contextmanager
def _no_torch_threads() -> Iterator[None]:
    """Torch's number of threads is one for the process; it is put back afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
