"""How long the evaluation of upstream fingerprints takes, on the set that upstream was timed on.

Command: ``python benchmarks/upstream_evaluation.py``. It makes the parity set of the tests (seed
7) and times hit rates and mAP together, from opening the folder to the rankings; imports and
loading the re-ranker do not count.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, get_args

import faiss
import torch

from neuralsampleid.models.reranker import CrossAttentionReranker
from neuralsampleid.models.upstream_checkpoint import UPSTREAM_RERANKER
from neuralsampleid.upstream.folder import evaluate_folder
from neuralsampleid.upstream.protocol import IndexKind, Protocol, SystemName

_RELEASED_S = 60  # the release's own code with re-ranker, 2 cores: 60 to 80 s
_LENGTHS = [1, 3, 6, 12, 20]  # segments


def main() -> None:
    """Print one row per protocol, system and index."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="the fastest and the median count")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    # The set's writer and the weights' recipe lie with the tests.
    sys.path.append(str(Path(__file__).parents[1] / "tests"))
    from helpers.parity import released_weights
    from helpers.upstream_set import write_parity_set

    reranker = CrossAttentionReranker(UPSTREAM_RERANKER, 512, 32)
    reranker.load_state_dict(released_weights("classifier"))
    reranker.eval()
    print(
        f"{options.threads} threads, torch {torch.__version__}, faiss {faiss.__version__}; "
        f"{options.rounds} rounds\n"
    )
    print("| protocol | system | index | fastest, s | median, s | CPU, s | released / fastest |")
    print("|---|---|---|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as folder:
        parity_set = write_parity_set(Path(folder))
        for protocol in get_args(Protocol):
            for system in get_args(SystemName):
                for index in get_args(IndexKind):
                    job = (*parity_set, system, protocol, index, _LENGTHS, reranker)
                    wall, cpu = time_job(job, options.rounds, options.threads)
                    comparable = (protocol, system) == ("released", "proposed")
                    ratio = f"{_RELEASED_S / min(wall):.0f}" if comparable else ""
                    print(
                        f"| {protocol} | {system} | {index} | {min(wall):.2f} | "
                        f"{statistics.median(wall):.2f} | {statistics.median(cpu):.2f} | {ratio} |"
                    )


def time_job(job: tuple[Any, ...], rounds: int, threads: int) -> tuple[list[float], list[float]]:
    """Wall and CPU seconds of every round."""
    wall, cpu = [], []
    for _ in range(rounds):
        started, worked = time.perf_counter(), time.process_time()
        evaluate_folder(*job, threads=threads)
        wall.append(time.perf_counter() - started)
        cpu.append(time.process_time() - worked)
    return wall, cpu


if __name__ == "__main__":
    main()
