"""VLC of Debian without a screen."""

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import soundfile

VLC = shutil.which("cvlc")
_NOBODY = 65534  # VLC refuses to run as root


def played(playlist: Path) -> tuple[np.ndarray, int]:
    """All that VLC plays of a playlist, one after the other, and its rate.

    The files lie in the playlist's folder, which is opened for everybody where we are root.
    """
    assert VLC is not None
    folder = playlist.parent / "played"
    folder.mkdir()
    chain = "#transcode{acodec=s16l}:gather:std{access=file,mux=wav,dst=all.wav}"
    command = [VLC, "-I", "dummy", "--no-video", "--sout-keep", f"--sout={chain}"]
    user = {}
    if os.geteuid() == 0:
        os.chown(folder, _NOBODY, _NOBODY)
        # pytest's own are closed: three, or four in a worker of xdist.
        for above in playlist.parents:
            if not above.stat().st_mode & 0o001:
                above.chmod(above.stat().st_mode | 0o055)
        user = {"user": _NOBODY, "group": _NOBODY, "extra_groups": []}
    subprocess.run(
        [*command, str(playlist), "vlc://quit"],
        cwd=folder,
        env={**os.environ, "HOME": str(folder)},
        capture_output=True,
        timeout=60,
        check=True,
        **user,
    )
    return soundfile.read(folder / "all.wav")
