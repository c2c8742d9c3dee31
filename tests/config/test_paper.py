"""config/paper.yaml holds upstream's values, and alone (docs/upstream.md)."""

from helpers.paper import PAPER, paper_gnn, paper_resnet_ibn
from neuralsampleid.config import (
    ClassificationTriplet,
    ConstantQ,
    Cosine,
    FmaData,
    LogMel,
    NtXent,
    Steps,
    network,
)
from neuralsampleid.models.upstream_checkpoint import (
    UPSTREAM_GNN,
    UPSTREAM_RERANKER,
    UPSTREAM_RESNET_IBN,
)


def test_the_networks_are_those_of_the_upstream_weights():
    assert network(paper_gnn()) == network(UPSTREAM_GNN)
    assert network(paper_resnet_ibn()) == network(UPSTREAM_RESNET_IBN)
    assert network(PAPER.rerankers["reranker"]) == network(UPSTREAM_RERANKER)


def test_the_proposed_model():
    gnn = paper_gnn()
    assert gnn.front_end == LogMel(
        sample_rate=16000,
        n_fft=1024,
        hop_length=512,
        mel_bands=64,
        f_min=0,
        f_max=8000,
        frames=128,
        dynamic_range_db=None,
        contrast="extremes",
    )
    assert gnn.fingerprints.segment_hop == 16
    assert (gnn.point_channels, gnn.patch_bins, gnn.patch_frames) == (8, 4, 8)
    assert (gnn.channels, gnn.blocks) == ([64, 128, 256, 512], [2, 2, 6, 2])
    assert (gnn.graph, gnn.neighbour_order) == ("connected", "distance")
    assert (gnn.neighbours, gnn.max_dilation, gnn.edge_dropout, gnn.drop_path) == (5, 3, 0.2, 0.1)
    assert (gnn.feature_size, gnn.projection_size, gnn.embedding_size) == (1024, 4096, 128)
    training = gnn.training
    assert (training.epochs, training.pairs_per_epoch, training.batch_pairs) == (400, None, 256)
    assert training.gradient_clip == 1.0
    assert training.loss == NtXent(temperature=0.05)
    assert training.learning_rate == Cosine(initial=8e-5, final=7e-7, warmup=0.0)
    pairs, changes = training.pairs, training.augmentation
    assert (pairs.sampled, pairs.rest, pairs.reference) == ("all_but_one", "same_song", "sampled")
    assert pairs.jitter_s == 0.25
    assert (changes.effects, changes.effects_drawn) == (["gain"], 1)
    assert (changes.gain_db_min, changes.gain_db_max) == (-10, 10)
    assert changes.changes == ["pitch", "tempo"]
    assert (changes.pitch_semitones, changes.tempo_min, changes.tempo_max) == (3, 0.7, 1.5)
    assert changes.curriculum == 0.0


def test_the_baseline():
    baseline = paper_resnet_ibn()
    assert baseline.front_end == ConstantQ(
        sample_rate=22050,
        hop_length=512,
        f_min=32.70,
        bins=84,
        bins_per_octave=12,
        frames=216,
        log_magnitude=False,
    )
    assert (baseline.fingerprints.segment_hop, baseline.stem_channels) == (108, 64)
    assert baseline.channels == [128, 256, 512, 1024]
    assert (baseline.blocks, baseline.strides) == ([2, 2, 2, 2], [1, 1, 2, 2])
    assert baseline.embedding_size == 2048
    training = baseline.training
    assert (training.epochs, training.batch_pairs, training.gradient_clip) == (120, 512, None)
    assert training.learning_rate == Steps(initial=1e-4, factor=0.2, every=40)
    assert training.loss == ClassificationTriplet(triplet_weight=1.0, temperature=1.0)
    assert training.augmentation.effects == ["equaliser", "compressor", "gain"]
    assert training.augmentation.changes == ["pitch", "tempo", "frames"]


def test_the_rest():
    reranker = PAPER.rerankers["reranker"]
    assert (reranker.heads, reranker.hidden_size, reranker.dropout) == (4, 128, 0.3)
    training = reranker.training
    assert (training.epochs, training.batch_pairs, training.negatives) == (5, 32, 3)
    assert (training.learning_rate, reranker.rescoring.candidates) == (1e-4, 5)
    index = PAPER.index
    assert (index.kind, index.lists, index.subquantizers, index.bits) == ("ivfpq", 64, 64, 8)
    assert (index.probes, PAPER.search.candidates) == (20, 20)
    assert PAPER.queries.query_seconds == [5, 7, 10, 15, 20]
    assert PAPER.metrics.cutoffs == [1, 3, 10]
    assert (PAPER.separation.backend, PAPER.separation.model) == ("htdemucs", "htdemucs")
    assert isinstance(PAPER.data, FmaData)
    assert PAPER.data.subset == "medium"
