"""Fingerprinting at full size: seconds of audio per second, and the arithmetic's share of the peak.

Command: ``OMP_WAIT_POLICY=PASSIVE python benchmarks/fingerprinting.py`` (``--threads``: 2 unless
told otherwise); so do threads wait in ``nsid`` and the workflow. Peak and speed take turns in one
run, because other work on the machine slows both. Counted are the matrix products and convolutions
of the encoder; its weights are random, which changes no cost.
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from neuralsampleid.fingerprints.fingerprinting import fingerprint_track
from neuralsampleid.models.checkpoint import make_encoder
from neuralsampleid.models.encoder import SegmentEncoder
from neuralsampleid.models.upstream_checkpoint import UPSTREAM_GNN

UPSTREAM = 7.5  # its code on 2 cores, × real time
# Row of the table → settings. Checkpoints of the upstream layout get heap.
MODES = {
    "connected, by distance": {"graph": "connected", "neighbour_order": "distance"},
    "connected, heap": {"graph": "connected", "neighbour_order": "heap"},
    "bypassed": {"graph": "bypassed"},
}
_MATRIX = 2048  # large enough that nothing but the product counts
_PRODUCTS = 5


def main() -> None:
    """Print one row per graph mode and order of neighbours."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7, help="the median counts")
    parser.add_argument("--seconds", type=int, default=60, help="length of the track")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    encoders = {
        mode: make_encoder(UPSTREAM_GNN.model_copy(update=settings), seed=0).eval()
        for mode, settings in MODES.items()
    }
    rate = UPSTREAM_GNN.front_end.sample_rate
    audio = np.random.default_rng(0).standard_normal(options.seconds * rate) * 0.1
    track = audio.astype(np.float32)
    peaks: list[float] = []
    taken: dict[str, list[float]] = {mode: [] for mode in MODES}
    for encoder in encoders.values():
        fingerprint_track(encoder, track)  # warm up
    for _ in range(options.rounds):
        for mode, encoder in encoders.items():
            peaks.append(peak_gflops())
            started = time.perf_counter()
            fingerprint_track(encoder, track)
            taken[mode].append(time.perf_counter() - started)
    peak = statistics.median(peaks)
    print(
        f"{options.threads} threads, torch {torch.__version__}, a track of {options.seconds} s; "
        f"median (best) of {options.rounds} rounds; peak {peak:.0f} (best {max(peaks):.0f}) "
        f"GFLOP/s, a product of two {_MATRIX} × {_MATRIX} matrices\n"
    )
    print("| graph | × real time | upstream | GFLOP/segment | GFLOP/s | of the peak |")
    print("|---|---:|---:|---:|---:|---:|")
    for mode, encoder in encoders.items():
        segments = len(fingerprint_track(encoder, track).embeddings)
        work = gflop_per_segment(encoder)
        seconds = statistics.median(taken[mode])
        speed = work * segments / seconds
        print(
            f"| {mode} | {options.seconds / seconds:.1f} ({options.seconds / min(taken[mode]):.1f})"
            f" | {UPSTREAM} | {work:.3f} | {speed:.0f} | {speed / peak:.0%} |"
        )


def peak_gflops() -> float:
    """What the machine reaches right now in a large float32 matrix product."""
    matrix = torch.ones(_MATRIX, _MATRIX)
    matrix @ matrix
    started = time.perf_counter()
    for _ in range(_PRODUCTS):
        matrix @ matrix
    return _PRODUCTS * 2 * _MATRIX**3 / (time.perf_counter() - started) / 1e9


@torch.no_grad()
def gflop_per_segment(encoder: SegmentEncoder) -> float:
    """Matrix products and convolutions of one segment; a multiplication and an addition are 2."""
    front_end = UPSTREAM_GNN.front_end
    with FlopCounterMode(display=False) as counter:
        encoder.encode(torch.randn(8, front_end.mel_bands, front_end.frames))
    return counter.get_total_flops() / 8 / 1e9


if __name__ == "__main__":
    main()
