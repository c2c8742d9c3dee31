"""Training of the re-ranker: its miner beside the released one, and that it continues."""

import io
import signal
from pathlib import Path

import pandas as pd
import pytest
import torch

from helpers.songs import packed_songs, small_gnn
from neuralsampleid.config import Reranker, RerankerTraining
from neuralsampleid.models.checkpoint import make_encoder
from neuralsampleid.models.encoder import Encoding
from neuralsampleid.training import curves
from neuralsampleid.training.machine import Machine
from neuralsampleid.training.mining import mine, mine_as_released
from neuralsampleid.training.reranking import train_reranker
from neuralsampleid.training.stopping import StoppedError

PAIRS, NEGATIVES = 16, 3


def encodings() -> tuple[Encoding, Encoding]:
    """Queries and references of which each resembles its own; node matrices tell them apart."""
    generator = torch.Generator().manual_seed(3)
    own = torch.randn(PAIRS, 32, generator=generator)
    views = []
    for _ in range(2):
        noisy = own + 0.5 * torch.randn(PAIRS, 32, generator=generator)
        nodes = torch.arange(PAIRS, dtype=torch.float32)[:, None, None].expand(-1, 2, 4)
        views.append(Encoding(torch.nn.functional.normalize(noisy, dim=1), nodes))
    return views[0], views[1]


def test_the_true_match_is_no_negative_and_each_negative_meets_its_own_query():
    queries, references = encodings()
    batch = mine(queries, references, NEGATIVES)
    positive = batch.labels == 1
    assert batch.query_rows[positive].tolist() == list(range(PAIRS))
    assert batch.candidate_rows[positive].tolist() == list(range(PAIRS))
    of_query, of_reference = batch.query_rows[~positive], batch.candidate_rows[~positive]
    assert (of_query != of_reference).all()
    similarities = (queries.embedding @ references.embedding.T).fill_diagonal_(-1.0)
    hardest = similarities.topk(NEGATIVES, dim=1).indices
    for query in range(PAIRS):
        assert of_reference[of_query == query].tolist() == hardest[query].tolist()


def test_the_released_miner_takes_true_matches_and_mixes_up_queries():
    """As docs/upstream.md, "Re-ranker", describes it: only the query itself is excluded from all
    views, and negatives listed query by query meet queries repeated block by block."""
    queries, references = encodings()
    batch = mine_as_released(queries, references, NEGATIVES)
    assert torch.equal(batch.candidates[:PAIRS], references.nodes)
    assert torch.equal(batch.candidates[PAIRS:], queries.nodes)
    negative = batch.labels == 0
    assert batch.candidate_rows[~negative].tolist() == list(range(PAIRS))
    mined = batch.candidate_rows[negative].reshape(PAIRS, NEGATIVES)
    own = torch.arange(PAIRS)
    assert (mined[:, 0] == own).float().mean() > 0.9  # the true match is the hardest
    assert not (mined == own[:, None] + PAIRS).any()  # only the query itself is excluded
    views = torch.cat([references.embedding, queries.embedding])
    similarities = queries.embedding @ views.T
    similarities[own, own + PAIRS] = -torch.inf
    assert torch.equal(mined, similarities.topk(NEGATIVES, dim=1).indices)
    listed = own.repeat_interleave(NEGATIVES)  # whose negative stands where
    met = batch.query_rows[negative]  # which query it is scored against
    assert met.tolist() == own.repeat(NEGATIVES).tolist()
    assert (listed == met).float().mean() < 0.1


def test_few_pairs_have_few_negatives():
    queries, references = encodings()
    few = [
        Encoding(view.embedding[:2], view.nodes[:2])
        for view in (queries, references)
        if view.nodes is not None
    ]
    assert mine(*few, NEGATIVES).candidate_rows.tolist() == [0, 1, 1, 0]


PACKED = packed_songs(6, 3.0)
# Three batches an epoch; dropout shows whether its state is kept.
SETTINGS = Reranker(
    heads=2,
    hidden_size=8,
    training=RerankerTraining(epochs=3, pairs_per_epoch=14, batch_pairs=4, learning_rate=1e-4),
)


def run(folder: Path, encoder_seed: int = 1, **machine: str) -> dict[str, torch.Tensor]:
    encoder = make_encoder(small_gnn(), encoder_seed)
    where = Machine(**machine)
    return train_reranker(SETTINGS, encoder, small_gnn(), PACKED, 1, folder, where).state_dict()


def equal(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(first[name], second[name]) for name in first)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict, bytes]:
    folder = tmp_path_factory.mktemp("reranker") / "checkpoints"
    return run(folder), (folder / "curves.csv").read_bytes()


def test_the_best_epoch_by_auroc_is_kept(tmp_path: Path):
    run(tmp_path / "model")
    table = pd.read_csv(tmp_path / "model/curves.csv")
    aurocs = table.loc[table["metric"] == "validation_auroc", "value"].tolist()
    assert len(aurocs) == 3
    best = torch.load(tmp_path / "model/best.ckpt", weights_only=True)
    assert best["epoch"] == aurocs.index(max(aurocs))
    assert {"train_loss", "validation_loss", "learning_rate"} <= set(table["metric"])


@pytest.mark.parametrize("step", [1, 3, 5])
def test_a_stopped_training_continues_to_the_same_bits(
    step: int, uninterrupted: tuple[dict, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder = tmp_path / "checkpoints"
    original = curves.EpochLog.on_train_batch_end

    def send(self: curves.EpochLog, trainer, *rest: object) -> None:
        original(self, trainer, *rest)
        if trainer.global_step == step:
            signal.raise_signal(signal.SIGTERM)

    with monkeypatch.context() as patched:
        patched.setattr(curves.EpochLog, "on_train_batch_end", send)
        with pytest.raises(StoppedError):
            run(folder)
    assert torch.load(folder / "last.ckpt", weights_only=True)["global_step"] == step
    torch.manual_seed(99)  # what was drawn before does not matter
    assert equal(run(folder), uninterrupted[0])
    assert (folder / "curves.csv").read_bytes() == uninterrupted[1]


def test_checkpoints_of_another_encoder_are_not_continued(
    uninterrupted: tuple[dict, bytes], tmp_path: Path
):
    folder = tmp_path / "checkpoints"
    assert not equal(run(folder, encoder_seed=2), uninterrupted[0])
    assert equal(run(folder), uninterrupted[0])


def test_mixed_precision_trains_to_nearly_the_same(
    uninterrupted: tuple[dict, bytes], tmp_path: Path
):
    """As on GPUs that compute in bfloat16; the CPU does so too if told to."""
    folder = tmp_path / "checkpoints"
    mixed = run(folder, precision="bfloat16")
    assert all(value.dtype == torch.float32 for value in mixed.values())
    full = pd.read_csv(io.BytesIO(uninterrupted[1]))
    table = pd.read_csv(folder / "curves.csv")
    assert not table.equals(full)
    assert table["value"].tolist() == pytest.approx(full["value"].tolist(), abs=0.1)
