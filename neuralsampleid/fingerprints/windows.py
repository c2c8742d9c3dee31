"""A track's features, cut into the windows that an encoder takes."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from neuralsampleid.devices import device_of
from neuralsampleid.models.encoder import SegmentEncoder

BATCH = 32  # windows encoded at once; more leave the processor's cache


class Windows:
    """Cuts features that come in blocks, and keeps what is still needed.

    A window may begin before the track and end after it; there, features are 0.

    Attributes:
        segments: of the track that lie in the windows given so far.
    """

    def __init__(self, encoder: SegmentEncoder) -> None:
        self.segments = 0
        self._window, self._hop = encoder.window, encoder.segment_hop
        self._segment_frames = encoder.front_end.frames
        self._taken = 0  # frames
        bins, device = encoder.front_end.bins, device_of(encoder)
        self._features = torch.zeros(bins, self._window.lead, device=device)

    def feed(self, features: Tensor) -> Tensor:
        """Take more features (bins, frames), and give windows (n, bins, window frames).

        They are as many as fill batches; ``finish`` gives the others.
        """
        self._taken += features.shape[1]
        self._features = torch.cat([self._features, features], dim=1)
        total, (frames, hop, _, _) = self._features.shape[1], self._window
        # Windows may lie apart.
        count = min(max(0, (total - frames) // hop + 1), total // hop)
        return self._cut(count // BATCH * BATCH)

    def finish(self) -> Tensor:
        """The windows that are left."""
        segments = max(0, (self._taken - self._segment_frames) // self._hop + 1)
        count = -(-(segments - self.segments) // self._window.segments)
        missing = (count - 1) * self._window.hop + self._window.frames - self._features.shape[1]
        self._features = nn.functional.pad(self._features, (0, max(0, missing)))
        windows = self._cut(count)
        self.segments = segments
        return windows

    def _cut(self, count: int) -> Tensor:
        frames, hop, segments, _ = self._window
        if not count:
            return self._features.new_empty(0, self._features.shape[0], frames)
        windows = self._features.unfold(1, frames, hop).transpose(0, 1)[:count]
        self._features = self._features[:, count * hop :].clone()
        self.segments += count * segments
        return windows
