"""The learning rate of pretraining."""

import itertools

import pytest

from helpers.songs import small_training
from neuralsampleid.config import Cosine, Steps
from neuralsampleid.training.contrastive import learning_rate_factor


def test_learning_rates():
    cosine = small_training(epochs=10, learning_rate=Cosine(initial=1e-3, final=1e-5, warmup=0.2))
    factors = [learning_rate_factor(cosine, step, 10) for step in range(101)]
    assert factors[0] == pytest.approx(1 / 21)
    assert factors[20] == pytest.approx(1.0)
    assert factors[60] == pytest.approx((1 + 0.01) / 2)
    assert factors[100] == pytest.approx(0.01)
    assert all(later > earlier for earlier, later in itertools.pairwise(factors[:21]))
    assert all(later < earlier for earlier, later in itertools.pairwise(factors[20:]))
    steps = small_training(learning_rate=Steps(initial=1e-4, factor=0.2, every=40))
    at_epoch = {epoch: learning_rate_factor(steps, 7 * epoch, 7) for epoch in (0, 39, 40, 80)}
    assert at_epoch == pytest.approx({0: 1.0, 39: 1.0, 40: 0.2, 80: 0.04})
