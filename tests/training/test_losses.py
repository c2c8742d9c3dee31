"""Losses against naive loops, hand-computed cases and the released values."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.parity import released_scalars, rng_for
from neuralsampleid.config import ClassificationTriplet, NtXent
from neuralsampleid.training.losses import (
    classification_triplet,
    contrastive_loss,
    nt_xent,
    semi_hard_triplet,
)


def unit_rows(pairs: int, size: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    views = torch.randn(2, pairs, size, generator=generator, dtype=torch.float64)
    first, second = torch.nn.functional.normalize(views, dim=2)
    return first, second


@pytest.fixture(scope="module")
def released_pairs() -> tuple[torch.Tensor, torch.Tensor]:
    rng = rng_for("open/loss")
    first = rng.standard_normal((16, 128)).astype(np.float32)
    second = first + 0.5 * rng.standard_normal((16, 128)).astype(np.float32)
    rows = [torch.from_numpy(views.astype(np.float32)) for views in (first, second)]
    queries, references = (torch.nn.functional.normalize(views, dim=1) for views in rows)
    return queries, references


def test_equal_the_released_losses(released_pairs: tuple[torch.Tensor, torch.Tensor]):
    released = released_scalars()
    proposed = nt_xent(*released_pairs, temperature=0.05)
    assert float(proposed) == pytest.approx(released["ntxent_tau_0.05"], abs=1e-6)
    classification = ClassificationTriplet(triplet_weight=0.0, temperature=1.0)
    assert float(classification_triplet(*released_pairs, classification)) == pytest.approx(
        released["baseline_classification"], abs=1e-5
    )
    triplet = semi_hard_triplet(*released_pairs, margin=0.2, reverse=True)
    assert float(triplet) == pytest.approx(released["baseline_triplet_margin_0.2"], abs=1e-6)


def naive_nt_xent(queries: torch.Tensor, references: torch.Tensor, temperature: float) -> float:
    views = [*queries, *references]
    count = len(queries)
    losses = []
    for i, anchor in enumerate(views):
        scores = {j: float(anchor @ other) / temperature for j, other in enumerate(views) if j != i}
        partner = (i + count) % (2 * count)
        losses.append(math.log(sum(map(math.exp, scores.values()))) - scores[partner])
    return sum(losses) / len(losses)


@settings(max_examples=15)
@given(
    pairs=st.integers(2, 7),
    size=st.integers(2, 6),
    temperature=st.floats(0.05, 2.0),
    seed=st.integers(0, 99),
)
def test_nt_xent_equals_a_double_loop(pairs: int, size: int, temperature: float, seed: int):
    views = unit_rows(pairs, size, seed)
    expected = naive_nt_xent(*views, temperature)
    assert float(nt_xent(*views, temperature)) == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_nt_xent_by_hand():
    # Two orthogonal pairs of identical views: the partner scores 1, the two others 0.
    views = torch.eye(2)
    expected = -math.log(math.e / (math.e + 2))
    assert float(nt_xent(views, views, 1.0)) == pytest.approx(expected, abs=1e-6)


def naive_triplet(
    queries: torch.Tensor, references: torch.Tensor, margin: float, reverse: bool
) -> float:
    views = [*queries, *references]
    count = len(queries)
    losses = []
    for i, anchor in enumerate(views):
        partner = (i + count) % (2 * count)
        positive = float(anchor @ views[partner])
        others = [float(anchor @ view) for j, view in enumerate(views) if j not in (i, partner)]
        hard = [similarity for similarity in others if similarity > positive - margin]
        if not hard:
            losses.append(0.0)
            continue
        gap = min(hard) - positive
        losses.append(max(0.0, (-gap if reverse else gap) + margin))
    return sum(losses) / len(losses)


@settings(max_examples=25)
@given(
    pairs=st.integers(2, 6),
    size=st.integers(2, 5),
    margin=st.floats(0.0, 1.0),
    reverse=st.booleans(),
    seed=st.integers(0, 99),
)
def test_triplet_equals_a_loop(pairs: int, size: int, margin: float, reverse: bool, seed: int):
    views = unit_rows(pairs, size, seed)
    found = float(semi_hard_triplet(*views, margin, reverse))
    assert found == pytest.approx(naive_triplet(*views, margin, reverse), abs=1e-9)


def angles(*degrees: float) -> torch.Tensor:
    radians = torch.tensor(degrees, dtype=torch.float64).deg2rad()
    return torch.stack([radians.cos(), radians.sin()], dim=1)


def test_triplet_by_hand():
    # Pairs 60° apart (similarity 0.5), and the second pair turned by 90°.
    queries, references = angles(0, 90), angles(60, 150)
    cos = {degrees: math.cos(math.radians(degrees)) for degrees in (30, 90, 150)}
    # Anchors at 0° and 150° see negatives at 90° and 150°: both below 0.5 − 0.2, so none is taken.
    # Anchors at 60° and 90° see negatives at 30° and 90°: only that at 30° is semi-hard.
    expected = (0 + 0 + 2 * (cos[30] - 0.5 + 0.2)) / 4
    assert float(semi_hard_triplet(queries, references, 0.2)) == pytest.approx(expected)
    # With a wide margin the least similar negative counts, here cos 150° or cos 90°.
    expected = (2 * max(0, cos[150] - 0.5 + 2) + 2 * (cos[90] - 0.5 + 2)) / 4
    assert float(semi_hard_triplet(queries, references, 2.0)) == pytest.approx(expected)


def test_the_described_triplet_pulls_pairs_together_and_the_released_one_pushes_them_apart():
    queries, references = angles(0, 90), angles(60, 150)
    for reverse, sign in ((False, -1), (True, 1)):
        anchor = queries.clone().requires_grad_()
        positive = (anchor * references).sum()
        loss = semi_hard_triplet(anchor, references, 0.9, reverse)
        assert loss.item() > 0
        moved = anchor.detach() - 1e-3 * torch.autograd.grad(loss, anchor)[0]
        change = (moved * references).sum() - positive.detach()
        assert change * sign < 0


@pytest.mark.parametrize(
    "loss", [NtXent(), ClassificationTriplet(), ClassificationTriplet(triplet="released")]
)
@pytest.mark.parametrize("kind", ["random", "identical", "collapsed"])
def test_gradients_are_finite(loss, kind: str):
    first, second = unit_rows(6, 4, 0)
    second = first.clone() if kind == "identical" else second
    if kind == "collapsed":
        first = second = torch.ones_like(first) / 2
    first, second = first.clone().requires_grad_(), second.clone().requires_grad_()
    value = contrastive_loss(first, second, loss)
    value.backward()
    assert value.isfinite()
    assert first.grad is not None
    assert second.grad is not None
    assert first.grad.isfinite().all()
    assert second.grad.isfinite().all()


@pytest.mark.parametrize("loss", [NtXent(), ClassificationTriplet()])
def test_the_order_of_pairs_and_views_does_not_matter(loss):
    queries, references = unit_rows(8, 4, 1)
    value = float(contrastive_loss(queries, references, loss))
    order = torch.randperm(8)
    assert float(contrastive_loss(queries[order], references[order], loss)) == pytest.approx(value)
    assert float(contrastive_loss(references, queries, loss)) == pytest.approx(value)
    # But which view belongs to which does.
    assert float(contrastive_loss(queries, references.roll(1, 0), loss)) != pytest.approx(value)


def test_weights_of_the_two_parts():
    views = unit_rows(8, 4, 1)
    parts = [
        float(classification_triplet(*views, ClassificationTriplet(**weights)))
        for weights in (
            {"classification_weight": 1.0, "triplet_weight": 0.0},
            {"classification_weight": 0.0, "triplet_weight": 1.0},
            {"classification_weight": 2.0, "triplet_weight": 0.5},
        )
    ]
    assert parts[2] == pytest.approx(2 * parts[0] + 0.5 * parts[1])
    assert parts[1] > 0
