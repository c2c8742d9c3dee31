"""HTDemucs of some thousand random weights, as a file that Demucs loads."""

from pathlib import Path

import torch
from demucs.htdemucs import HTDemucs
from demucs.states import get_state, save_with_checksum

SOURCES = ["drums", "bass", "other", "vocals"]


def save_tiny_model(folder: Path, name: str, sources: list[str], seed: int = 0) -> None:
    """Write the model into a folder, under a name."""
    torch.manual_seed(seed)
    sizes = {
        "sources": sources,
        "channels": 4,
        "depth": 4,
        "growth": 1,
        "bottom_channels": 16,
        "t_layers": 1,
        "t_heads": 2,
        "t_hidden_scale": 1.0,
        "dconv_depth": 1,
        "dconv_comp": 2,
        "samplerate": 44100,
        "segment": 1.0,
    }
    state = get_state(HTDemucs(**sizes), None)
    package = {"klass": HTDemucs, "args": (), "kwargs": sizes, "state": state}
    save_with_checksum(package, folder / f"{name}sig.th")
    (folder / f"{name}.yaml").write_text(f"models: ['{name}sig']\n")
