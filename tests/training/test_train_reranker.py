"""The miner of the re-ranker's negatives, beside the released one."""

import torch

from neuralsampleid.models.encoder import Encoding
from neuralsampleid.training.train_reranker import mine

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
    assert batch.reference_rows[positive].tolist() == list(range(PAIRS))
    of_query, of_reference = batch.query_rows[~positive], batch.reference_rows[~positive]
    assert (of_query != of_reference).all()
    similarities = (queries.embedding @ references.embedding.T).fill_diagonal_(-1.0)
    hardest = similarities.topk(NEGATIVES, dim=1).indices
    for query in range(PAIRS):
        assert of_reference[of_query == query].tolist() == hardest[query].tolist()


def test_the_released_miner_takes_true_matches_and_mixes_up_queries():
    """As the released README, section 2, describes it: only the query itself is excluded from all
    views, and negatives listed query by query meet queries repeated block by block."""
    queries, references = encodings()
    views = torch.cat([queries.embedding, references.embedding])
    similarities = queries.embedding @ views.T
    similarities[torch.arange(PAIRS), torch.arange(PAIRS)] = -torch.inf
    hardest = similarities.topk(NEGATIVES, dim=1).indices
    own = torch.arange(PAIRS)
    assert (hardest[:, 0] == own + PAIRS).float().mean() > 0.9  # the true match is the hardest
    listed = own.repeat_interleave(NEGATIVES)  # whose negative stands where
    met = own.repeat(NEGATIVES)  # which query it is scored against
    assert (listed == met).float().mean() < 0.1


def test_few_pairs_have_few_negatives():
    queries, references = encodings()
    few = [
        Encoding(view.embedding[:2], view.nodes[:2])
        for view in (queries, references)
        if view.nodes is not None
    ]
    assert mine(*few, NEGATIVES).reference_rows.tolist() == [0, 1, 1, 0]
