"""Changes of a pair, for tests."""

import numpy as np

from neuralsampleid.config import WindowChanges
from neuralsampleid.training.speed_and_pitch import Changes


def plain_changes(**values: object) -> Changes:
    """Changes that change nothing, but for the values given."""
    plain: dict = {
        "gain_db": 0.0,
        "equaliser_db": np.zeros(6, np.float32),
        "compressor_threshold_db": -20.0,
        "compressor_ratio": 1.0,
        "tempo": 1.0,
        "pitch_semitones": 0.0,
        "edit": "",
        "edit_start": 0.5,
        "edit_seconds": 0.1,
    }
    return Changes(**(plain | values))


def only(**changes: object) -> WindowChanges:
    """Of two windows: what is named changes, and nothing else but the references' equaliser."""
    nothing: dict[str, object] = dict.fromkeys(WindowChanges.model_fields, 0.0)
    return WindowChanges(**(nothing | {"tempo": 1.0, "both_tempo": 1.0} | changes))
