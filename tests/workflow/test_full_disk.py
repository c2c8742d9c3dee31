"""Jobs that run out of disk say so in one line; with room again, the same results come out."""

import hashlib
import re
import shutil
from contextlib import ExitStack

from helpers.disk import nearly_full
from helpers.workflow import RESULTS, micro, snakemake
from neuralsampleid.training.packs import open_packed

PACKED = "stems/packed_22050/0000"  # at a rate that the finished run did not need
CONFIG = micro(**{"encoders.resnet_ibn.front_end.sample_rate": 22050})
WEIGHTS = "models/gnn/trained.pt"
OUTPUTS = [
    PACKED,
    WEIGHTS,
    "fingerprints/gnn_untrained/index.faiss",
    "fingerprints/gnn_untrained/query/0000",
    "evaluation/landmarks/matches.csv",
]
# Bytes that are left: all can be begun, the training's first epoch can be saved.
ROOM = {
    "stems": 2**20,
    "models/gnn": 300_000,
    "fingerprints/gnn_untrained": 0,
    "evaluation/landmarks": 2**12,
}


def content(results):
    """SHA-256 of all files on the small disks by their paths, but for what trainings work on."""
    return {
        path: hashlib.sha256(path.read_bytes()).hexdigest()
        for name in ROOM
        for path in (results / name).rglob("*")
        if path.is_file() and "checkpoints" not in path.parts
    }


def test_every_kind_of_output(copied):
    results = copied / RESULTS
    undisturbed = content(results)
    for name in [*OUTPUTS, "models/gnn/curves.csv"]:
        shutil.rmtree(results / name, ignore_errors=True)
        (results / name).unlink(missing_ok=True)
    others = content(results)
    log = results / "logs/pretrain_gnn.log"
    targets = [str(RESULTS / name) for name in OUTPUTS]
    with ExitStack() as disks:
        making_room = [
            disks.enter_context(nearly_full(results / name, room)) for name, room in ROOM.items()
        ]
        done = snakemake(copied, CONFIG, "--keep-going", "--", *targets)
        assert done.returncode != 0
        assert "Traceback" not in done.stdout
        # Jobs beside each other may print into one line.
        said = re.findall(r"error: (\S+): cannot be made \(No space left", done.stdout)
        assert sorted(said) == sorted(targets), done.stdout
        assert content(results) == others
        assert "epoch 1 of 2" in log.read_text()

        for make_room in making_room:
            make_room()
        done = snakemake(copied, CONFIG, "--", *targets)
        assert done.returncode == 0, done.stdout
        assert undisturbed.items() <= content(results).items()
        assert re.findall(r"epoch \d of 2", log.read_text()) == ["epoch 2 of 2"]
        assert len(open_packed([results / PACKED]).tracks) == 4
