"""The record beside the results: versions, seed, commit and the merged configuration."""

from __future__ import annotations

import platform
import subprocess
from importlib import metadata
from pathlib import Path

import yaml

from neuralsampleid.config import Config, UpstreamConfig
from neuralsampleid.devices import resolve_device, resolve_precision


def provenance(config: Config | UpstreamConfig, folder: Path) -> dict[str, object]:
    """What someone needs to know to repeat a run; ready for JSON.

    It holds no time and no host name: two runs of one state on one machine give the same record.

    Device and precision are what the configuration's ``auto`` means in the job that writes the
    record, which asks a cluster for a GPU as the jobs that compute do.

    Args:
        config: the merged configuration of the run.
        folder: of the code, perhaps in a git repository.

    Raises:
        UserError: device ``cuda`` without a GPU.
    """
    device = resolve_device(config.device)
    # The upstream run has no key: its fingerprints are stored, and judged in full precision.
    wanted = config.precision if isinstance(config, Config) else "float32"
    precision = resolve_precision(wanted, device)
    return {
        "run": config.run,
        "seed": config.seed,
        "device": device,
        "precision": precision,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "git": git_state(folder),
        "packages": package_versions(),
        "config": config_yaml(config),
    }


def config_yaml(config: Config | UpstreamConfig) -> str:
    """The merged configuration, defaults included, as YAML that ``parse_any_config`` accepts."""
    return yaml.safe_dump(config.model_dump(), sort_keys=False, allow_unicode=True)


def package_versions() -> dict[str, str]:
    """Versions of all installed packages."""
    return dict(sorted((found.name, found.version) for found in metadata.distributions()))


def git_state(folder: Path) -> dict[str, object] | None:
    """Commit of the folder's repository and whether files differ from it; None without either."""
    commit = _git(folder, "rev-parse", "HEAD")
    changes = _git(folder, "status", "--porcelain", "--untracked-files=no")
    if commit is None or changes is None:
        return None
    return {"commit": commit, "modified": bool(changes)}


def _git(folder: Path, *arguments: str) -> str | None:
    """What git prints; None if there is no git, no repository, no commit, or no answer."""
    try:
        answer = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()
