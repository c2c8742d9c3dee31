"""Single peaks that decide on an excerpt: what they tell, by hand."""

import numpy as np
import pytest

from neuralsampleid.landmarks.excerpts import asked, judge, sift
from neuralsampleid.landmarks.proposals import Proposals
from neuralsampleid.landmarks.triples import Points


def proposal(pitch, slope, first, last, here=0.0, there=0.0):
    values = (pitch, slope, first, last, here, there)
    return Proposals(np.ones(1), np.zeros(1, np.int64), *(np.array([value]) for value in values))


def scattered(seed, count, frames):
    rng = np.random.default_rng(seed)
    return Points(np.sort(rng.uniform(0, frames, count)), rng.uniform(0, 200, count))


def mixed(*parts):
    frames, heights = (np.concatenate(values) for values in zip(*parts, strict=True))
    order = np.argsort(frames)
    return Points(frames[order], heights[order])


def test_what_sounds_everywhere_tells_little():
    """A held note is found at many starts; as many peaks at different heights are evidence."""
    frames = np.arange(0, 400, 10.0)
    held = Points(frames, np.full(len(frames), 60.0))
    varied = Points(frames, np.random.default_rng(1).uniform(0, 200, len(frames)))
    scores = [
        judge(asked(points), points, proposal(0.0, 1.0, 0.0, 390.0), 0).score
        for points in (held, varied)
    ]
    assert scores[0] < 0.2 * scores[1]


def test_occurrences_are_summed_and_pitch_and_tempo_fitted():
    """Thirty peaks that sound three times, faster and higher than in the track, and noise."""
    track = scattered(2, 30, 200)
    track = Points(track.frames + 100, track.heights)
    slope, pitch, starts = 1.25, 7.3, (40.0, 300.0, 700.0)
    later = (track.frames - track.frames[0]) / slope
    sounding = [Points(start + later, track.heights + pitch) for start in starts]
    query = asked(mixed(*sounding, scattered(3, 300, 1000)))
    found = judge(query, track, proposal(pitch + 0.2, slope * 1.01, 100.0, 300.0), 0)
    assert sorted(found.starts) == pytest.approx(starts, abs=1)
    assert found.part.slope == pytest.approx(slope, rel=0.002)
    assert found.part.pitch == pytest.approx(pitch, abs=0.05)
    assert found.score == pytest.approx((found.scores - 6).sum() + 0.01 * found.scores.max())


def test_proposals_are_sifted_by_what_lies_where_their_hits_lie():
    """Of two proposals of one excerpt, one lies where it sounds, one elsewhere."""
    track = scattered(4, 60, 300)
    heard = Points(track.frames + 500, track.heights + 3)
    query = asked(mixed(heard, scattered(5, 400, 1200)))
    there, elsewhere = (proposal(3.0, 1.0, 50.0, 250.0, here, 150.0) for here in (650.0, 300.0))
    assert sift(query, track, there)[0] > 50
    assert sift(query, track, elsewhere)[0] < 0
    # Peaks that would lie beyond the query tell nothing.
    assert sift(query, track, proposal(3.0, 1.0, 50.0, 250.0, 5000.0, 150.0))[0] == 0


def test_a_track_with_few_peaks_has_no_score():
    track = scattered(6, 5, 300)
    found = judge(asked(scattered(7, 50, 400)), track, proposal(0.0, 1.0, 50.0, 250.0), 0)
    assert (found.score, len(found.starts)) == (0.0, 0)
