"""A real SLURM of one node, in a folder of its own, for as long as a test needs it.

It has its own key, ports and configuration, so that it disturbs no SLURM that the machine may have.
The node claims more than the machine has: what jobs ask for is tested, not what they get.
"""

import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel")
CPUS, MEMORY_MB, GPUS = 64, 1_000_000, 4
CONFIGURATION = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SchedulerParameters=sched_interval=1,batch_sched_delay=0
SlurmdParameters=config_overrides
ReturnToService=2
MinJobAge=3600
KillWait=5
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory_mb} Gres=gpu:{gpus} State=UNKNOWN
PartitionName=test Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def missing_programs() -> list[str]:
    """What a one-node SLURM needs and the machine lacks."""
    return [name for name in PROGRAMS if shutil.which(name, path=_path()) is None]


@contextmanager
def one_node(folder: Path) -> Iterator[dict[str, str]]:
    """Start SLURM; yields the environment in which its commands find it.

    Args:
        folder: an empty folder with a short path, because a socket's path has 107 bytes at most.
    """
    for name in ("state", "spool"):
        (folder / name).mkdir()
    folder.chmod(0o755)  # munged refuses a folder that others may write to
    key = folder / "munge.key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o400)
    host = socket.gethostname().partition(".")[0]
    configuration = CONFIGURATION.format(
        host=host,
        folder=folder,
        user=getpass.getuser(),
        controller_port=_free_port(),
        node_port=_free_port(),
        cpus=CPUS,
        memory_mb=MEMORY_MB,
        gpus=GPUS,
    )
    (folder / "slurm.conf").write_text(configuration)
    for number in range(GPUS):  # a GPU is a file to SLURM
        (folder / f"gpu{number}").touch()
    gpus = f"NodeName={host} Name=gpu File={folder}/gpu[0-{GPUS - 1}]\n"
    (folder / "gres.conf").write_text(gpus)
    environment = {
        **os.environ,
        "SLURM_CONF": str(folder / "slurm.conf"),
        "PATH": os.pathsep.join([str(_srun_that_finds(folder)), _path()]),
    }
    munged = ["munged", "--foreground", "--force", f"--socket={folder}/munge.socket"]
    munged += [f"--{name}-file={folder}/munge.{name}" for name in ("key", "pid", "log", "seed")]
    with ExitStack() as daemons:
        daemons.enter_context(_running(munged, environment, folder / "munged.out"))
        _wait_for((folder / "munge.socket").exists, folder)
        for command in (["slurmctld", "-D"], ["slurmd", "-D", "-N", host]):
            daemons.enter_context(_running(command, environment, folder / f"{command[0]}.out"))
        _wait_for(lambda: _state_of_node(environment) == "idle", folder)
        yield environment


@dataclass(frozen=True)
class Job:
    """A job as SLURM knows it: what it is, how it ended, and what it asked for."""

    number: int
    state: str
    comment: str  # by Snakemake: its rule and wildcards
    rule: str
    cpus: int
    memory_mb: int
    gpus: int


def jobs_of(environment: dict[str, str]) -> list[Job]:
    """Every job that SLURM was given, the first one first."""
    fields = "JobID:20,State:20,Comment:90,NumCPUs:20,MinMemory:20,tres-per-job:40"
    done = subprocess.run(
        ["squeue", "--noheader", "--noconvert", "--states=all", "--sort=i", f"--Format={fields}"],
        env=environment,
        text=True,
        capture_output=True,
        check=True,
    )
    rows = [row.split() for row in done.stdout.splitlines()]
    return [
        Job(
            int(number), state, comment, rule_of(comment), int(cpus), int(memory.rstrip("M")),
            int(tres.rpartition(":")[2]) if "gpu" in tres else 0,
        )
        for number, state, comment, cpus, memory, tres in rows
    ]  # fmt: skip


def rule_of(comment: str) -> str:
    return comment.removeprefix("rule_").partition("_wildcards_")[0]


def cancel(environment: dict[str, str], job: Job) -> None:
    """Kill a job, as an administrator or a full queue would."""
    subprocess.run(["scancel", str(job.number)], env=environment, check=True)


def warn(environment: dict[str, str], job: Job) -> None:
    """Send a job what ``--signal=TERM@180`` has SLURM send it three minutes before its end."""
    subprocess.run(["scancel", "--signal=TERM", str(job.number)], env=environment, check=True)


def _srun_that_finds(folder: Path) -> Path:
    """A folder with an ``srun`` that knows the configuration: inside jobs, Snakemake forgets it."""
    srun = folder / "bin/srun"
    srun.parent.mkdir()
    real = shutil.which("srun", path=_path())
    srun.write_text(f'#!/bin/sh\nSLURM_CONF={folder}/slurm.conf exec {real} "$@"\n')
    srun.chmod(0o755)
    return srun.parent


@contextmanager
def _running(command: list[str], environment: dict[str, str], output: Path) -> Iterator[None]:
    with output.open("w") as stream:
        process = subprocess.Popen(command, env=environment, stdout=stream, stderr=stream)
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(is_ready, folder: Path, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not is_ready():
        if time.monotonic() > end:
            logs = [path.read_text(errors="replace")[-2000:] for path in folder.glob("*.log")]
            logs += [path.read_text(errors="replace")[-2000:] for path in folder.glob("*.out")]
            raise TimeoutError("SLURM did not start:\n" + "\n".join(logs))
        time.sleep(0.2)


def _state_of_node(environment: dict[str, str]) -> str:
    done = subprocess.run(
        ["sinfo", "--noheader", "--format=%T"],
        env=environment,
        text=True,
        capture_output=True,
        check=False,
    )
    return done.stdout.strip()


def _path() -> str:
    """Daemons lie where an ordinary user's PATH does not look."""
    return os.pathsep.join([os.environ["PATH"], "/usr/sbin"])


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
