"""The loss over windows against loops over all samples, and by hand."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neuralsampleid.training.window_loss import WindowLoss, window_loss
from neuralsampleid.training.windows import WindowBatch

NOTHING = torch.zeros(0)  # the loss does not look at powers


def batch_of(
    tracks: list[int],
    first: list[list[bool]],
    second: list[list[bool]],
    others: list[int] | None = None,
) -> WindowBatch:
    count = len(tracks)
    others = others or [(place + 1) % count for place in range(count)]
    return WindowBatch(
        NOTHING,
        NOTHING,
        torch.tensor(tracks),
        torch.tensor(others),
        torch.tensor(first),
        torch.tensor(second),
    )


def sounding(pairs: int, segments: int = 1) -> list[list[bool]]:
    return [[True] * segments] * pairs


def silent(pairs: int, segments: int = 1) -> list[list[bool]]:
    return [[False] * segments] * pairs


def unit_rows(shape: tuple[int, ...], seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randn(shape, generator=generator, dtype=torch.float64)
    return torch.nn.functional.normalize(rows, dim=-1)


def naive(
    queries: torch.Tensor, references: torch.Tensor, batch: WindowBatch, temperature: float
) -> tuple[float, int, int]:
    """One sample after the other: loss, hits, asked."""
    pairs, segments = queries.shape[:2]
    tracks, others = batch.tracks.tolist(), batch.others.tolist()
    everything = [(pair, segment) for pair in range(pairs) for segment in range(segments)]

    def score(query: tuple[int, int], reference: tuple[int, int]) -> float:
        return float(queries[query] @ references[reference]) / temperature

    def holds(pair: int, track: int) -> bool:
        """Whether a query's pair, or the one beside it, is of the track."""
        return track in (tracks[pair], tracks[others[pair]])

    losses, hits, asked = [], 0, 0
    for query in everything:
        pair, segment = query
        samples = [((pair, segment), batch.first), ((others[pair], segment), batch.second)]
        for reference, sounds in samples:
            if not sounds[query]:
                continue
            right = score(query, reference)
            wrong = [score(query, each) for each in everything if not holds(pair, tracks[each[0]])]
            mistaken = [
                score(each, reference)
                for each in everything
                if not holds(each[0], tracks[reference[0]])
            ]
            for negatives in (wrong, mistaken):
                losses.append(math.log(sum(map(math.exp, [right, *negatives]))) - right)
            if sounds is batch.first:
                asked += 1
                hits += all(right > negative for negative in wrong)
    return (sum(losses) / len(losses) if losses else 0.0), hits, asked


@st.composite
def batches(draw: st.DrawFn) -> WindowBatch:
    """Tracks that may come again, others that may be anywhere, samples that may be silent."""
    pairs, segments = draw(st.integers(1, 6)), draw(st.integers(1, 3))
    some = st.lists(st.booleans(), min_size=segments, max_size=segments)
    masks = st.lists(some, min_size=pairs, max_size=pairs)
    tracks = draw(st.lists(st.integers(0, 7), min_size=pairs, max_size=pairs))
    step = draw(st.integers(1, pairs))
    others = [(place + step) % pairs for place in range(pairs)]
    return batch_of(tracks, draw(masks), draw(masks), others)


@settings(max_examples=60)
@given(batch=batches(), temperature=st.floats(0.05, 2.0), seed=st.integers(0, 99))
def test_it_equals_loops_over_all_samples(batch: WindowBatch, temperature: float, seed: int):
    queries, references = unit_rows((2, *batch.first.shape, 4), seed)
    found = window_loss(queries, references, batch, temperature)
    loss, hits, asked = naive(queries, references, batch, temperature)
    assert float(found.loss) == pytest.approx(loss, rel=1e-9, abs=1e-9)
    assert (int(found.hits), int(found.asked)) == (hits, asked)


def of_unit_vectors(first: list[list[bool]], second: list[list[bool]]) -> WindowLoss:
    """Three pairs, each with identical views, and orthogonal to the others."""
    views = torch.eye(3)[:, None]
    return window_loss(views, views, batch_of([5, 6, 7], first, second), 1.0)


def test_by_hand():
    # A sample scores 1, and what is neither its track's nor the other one's 0.
    own = math.log(1 + math.exp(-1))
    found = of_unit_vectors(sounding(3), silent(3))
    assert float(found.loss) == pytest.approx(own)
    assert (int(found.hits), int(found.asked)) == (3, 3)
    # The next pair's sample scores 0, as does the single wrong one.
    beside = math.log(2)
    found = of_unit_vectors(silent(3), sounding(3))
    assert float(found.loss) == pytest.approx(beside)
    assert (int(found.hits), int(found.asked)) == (0, 0)
    found = of_unit_vectors(sounding(3), [[True], [False], [False]])
    assert float(found.loss) == pytest.approx((3 * own + beside) / 4)


def test_nothing_that_sounds_is_no_loss():
    found = of_unit_vectors(silent(3), silent(3))
    assert float(found.loss) == 0.0
    assert (int(found.hits), int(found.asked)) == (0, 0)


@pytest.mark.parametrize(("changed", "matters"), [(0, True), (1, False), (2, True), (3, True)])
def test_the_two_right_references_do_not_compete(changed: int, matters: bool):
    """Of a query of the first track, beside the second: whose reference is of influence."""
    queries, references = unit_rows((2, 4, 1, 8), 0)
    batch = batch_of([0, 1, 2, 3], [[True], [False], [False], [False]], silent(4))
    before = float(window_loss(queries, references, batch, 0.2).loss)
    references[changed, 0] = queries[0, 0]
    after = float(window_loss(queries, references, batch, 0.2).loss)
    assert (abs(before - after) > 1e-3) == matters


@pytest.mark.parametrize(("changed", "matters"), [(0, True), (1, True), (2, True), (3, False)])
def test_queries_that_hold_a_reference_are_no_mistakes(changed: int, matters: bool):
    """The query before the first one holds the first one's track, too."""
    queries, references = unit_rows((2, 4, 1, 8), 1)
    batch = batch_of([0, 1, 2, 3], [[True], [False], [False], [False]], silent(4))
    before = float(window_loss(queries, references, batch, 0.2).loss)
    queries[changed, 0] = references[0, 0]
    after = float(window_loss(queries, references, batch, 0.2).loss)
    assert (abs(before - after) > 1e-3) == matters


def test_other_segments_of_a_sampled_track_are_no_negatives():
    """Neither of the same pair, nor of another pair of the same track."""
    queries, references = unit_rows((2, 5, 2, 8), 2)
    only = [[True, False], *silent(4, 2)]
    batch = batch_of([0, 1, 2, 0, 4], only, silent(5, 2))
    before = window_loss(queries, references, batch, 0.2)
    for pair, segment in ((0, 1), (1, 0), (1, 1), (3, 0), (3, 1)):
        references[pair, segment] = queries[0, 0]
    for pair, segment in ((0, 1), (2, 0), (2, 1), (3, 0), (3, 1), (4, 0), (4, 1)):
        queries[pair, segment] = references[0, 0]
    after = window_loss(queries, references, batch, 0.2)
    assert float(after.loss) == pytest.approx(float(before.loss), abs=1e-12)
    assert int(after.hits) == int(before.hits)


def test_a_hit_is_nearer_than_all_of_other_tracks():
    queries = references = torch.eye(4)[:, None]
    batch = batch_of([0, 1, 2, 3], sounding(4), silent(4))
    assert int(window_loss(queries, references, batch, 0.1).hits) == 4
    turned = references[[2, 1, 0, 3]]
    assert int(window_loss(queries, turned, batch, 0.1).hits) == 2
    # Finding what lies beside it is no mistake; the third track does not.
    for louder, hits in ((1, 4), (2, 3)):
        mixed = queries.clone()
        mixed[0, 0, [0, louder]] = torch.tensor([0.6, 0.8])
        assert int(window_loss(mixed, references, batch, 0.1).hits) == hits


@pytest.mark.parametrize("pairs", [1, 2, 5])
@pytest.mark.parametrize("kind", ["random", "identical", "collapsed"])
def test_gradients_are_finite(pairs: int, kind: str):
    first, second = unit_rows((2, pairs, 3, 4), 3)
    if kind == "identical":
        second = first.clone()
    if kind == "collapsed":
        first = second = torch.ones_like(first) / 2
    first, second = first.clone().requires_grad_(), second.clone().requires_grad_()
    batch = batch_of(list(range(pairs)), sounding(pairs, 3), sounding(pairs, 3))
    loss = window_loss(first, second, batch, 0.05).loss
    loss.backward()
    assert loss.isfinite()
    assert first.grad is not None
    assert second.grad is not None
    assert first.grad.isfinite().all()
    assert second.grad.isfinite().all()
    # Of two pairs each query holds both tracks: nothing is wrong, so nothing is learned.
    assert bool(first.grad.any()) == (pairs > 2)


def test_the_loss_pulls_both_samples_towards_their_references():
    queries, references = unit_rows((2, 4, 1, 8), 4)
    moving = queries.clone().requires_grad_()
    for sounds, partner in ((sounding(4), 0), (silent(4), 1)):
        beside = silent(4) if partner == 0 else sounding(4)
        loss = window_loss(moving, references, batch_of([0, 1, 2, 3], sounds, beside), 0.2).loss
        step = -torch.autograd.grad(loss, moving)[0]
        for pair in range(4):
            assert float(step[pair, 0] @ references[(pair + partner) % 4, 0]) > 0
