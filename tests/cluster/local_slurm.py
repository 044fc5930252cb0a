"""A real SLURM on this machine: munge, controller and one daemon per node, with pretended GPUs, all below one folder.

``python tests/cluster/local_slurm.py <folder> [nodes]`` starts one, prints its settings and waits for Enter.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "sinfo")
FOR_ACCOUNTING = ("slurmdbd", "sacct", "sacctmgr", "mariadbd", "mariadb-install-db")
SEARCHED = Path("/etc/slurm")  # where srun looks once Snakemake's job step has removed SLURM_CONF


def missing(accounting: bool = False) -> str:
    """Why no cluster (with accounting) can be started here; empty where one can."""
    needed = (*PROGRAMS, *(FOR_ACCOUNTING if accounting else ()))
    lacking = [name for name in needed if not shutil.which(name, path=_path())]
    if lacking:
        return f"SLURM is not installed ({', '.join(lacking)}); run tests/cluster/install_slurm.sh as root"
    if os.geteuid() != 0:
        return "starting slurmctld and slurmd needs root"
    foreign = [name for name in ("slurm.conf", "gres.conf") if (SEARCHED / name).is_file()]
    if foreign and not all((SEARCHED / name).is_symlink() for name in foreign):
        return f"{SEARCHED} holds the settings of a real cluster"
    return ""


def _path() -> str:
    return f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


@dataclass
class LocalSlurm:
    """The cluster; a context manager that starts it and stops it again. With accounting, ``sacct`` knows its jobs."""

    folder: Path
    n_nodes: int = 1
    cpus: int = 16
    memory_mb: int = 64000
    gpus: int = 4
    accounting: bool = False

    def __enter__(self) -> LocalSlurm:
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in ("state", "log", "dev", "munge", *self._spools()):
            (self.folder / name).mkdir(exist_ok=True, mode=0o755)
        self._write_settings()
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {"SLURM_CONF": str(self.folder / "slurm.conf"), "PATH": _path()}

    @property
    def nodes(self) -> list[str]:
        return [f"n{number}" for number in range(1, self.n_nodes + 1)]

    def call(self, *command: str, check: bool = True) -> str:
        """Run a SLURM command; its standard output."""
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        if check and done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stdout}{done.stderr}")
        return done.stdout

    def jobs(self, fields: str = "%i|%j|%T|%C|%m|%l|%b|%r") -> list[list[str]]:
        """Every job that the controller remembers, finished ones too; fields as in squeue's --format."""
        rows = self.call("squeue", "--noheader", "--states=all", f"--format={fields}").splitlines()
        return [row.split("|") for row in rows]

    def start_node(self, node: str) -> None:
        self._run("slurmd", "-N", node)

    def kill_node(self, node: str) -> None:
        """SIGKILL to the node's daemon, as when the machine fails."""
        self._signal(self.folder / f"{node}.pid", signal.SIGKILL)

    def until(self, true: Callable[[], bool], seconds: float = 60) -> bool:
        """Wait until something is true; whether it became so in time."""
        end = time.monotonic() + seconds
        while not (reached := true()) and time.monotonic() < end:
            time.sleep(0.2)
        return reached

    def stop(self) -> None:
        """Cancel what runs, stop the daemons by their pid files, remove the links."""
        self.call("scancel", "--user=root", check=False)
        self.until(lambda: not self.call("squeue", "--noheader", check=False), 10)
        daemons = ("slurmctld", "slurmdbd", "mariadb", "munge/munged")
        names = [f"{name}.pid" for name in (*self.nodes, *daemons)]
        for name in names:
            self._signal(self.folder / name, signal.SIGTERM)
        for name in ("slurm.conf", "gres.conf"):
            link = SEARCHED / name
            if link.is_symlink() and link.readlink().parent == self.folder:
                link.unlink()

    def _spools(self) -> list[str]:
        return [f"spool-{node}" for node in self.nodes]

    def _write_settings(self) -> None:
        root, host = self.folder, _host()
        port = 20000 + _free_port() % 20000
        for number in range(self.gpus):
            device = root / "dev" / f"gpu{number}"
            if not device.exists():
                os.mknod(device, 0o666 | 0o020000, os.makedev(1, 3))  # the null device, under another name
        devices = f"{root}/dev/gpu[0-{self.gpus - 1}]" if self.gpus > 1 else f"{root}/dev/gpu0"
        (root / "gres.conf").write_text(f"Name=gpu File={devices}\n")
        names = f"n[1-{self.n_nodes}]" if self.n_nodes > 1 else "n1"
        ports = f"[{port + 2}-{port + 1 + self.n_nodes}]" if self.n_nodes > 1 else str(port + 2)
        size = f"CPUs={self.cpus} RealMemory={self.memory_mb} Gres=gpu:{self.gpus}"
        (root / "slurm.conf").write_text(
            f"""ClusterName=menagerie
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={root}/munge/munge.socket
CredType=cred/munge
StateSaveLocation={root}/state
SlurmdSpoolDir={root}/spool-%n
SlurmctldPidFile={root}/slurmctld.pid
SlurmdPidFile={root}/%n.pid
SlurmctldLogFile={root}/log/slurmctld.log
SlurmdLogFile={root}/log/%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/{"slurmdbd" if self.accounting else "none"}
AccountingStorageHost=127.0.0.1
AccountingStoragePort={port + 1}
AccountingStoragePass={root}/munge/munge.socket
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
ReturnToService=2
SlurmdTimeout=10
MinJobAge=3600
MaxJobCount=20000
SchedulerParameters=sched_interval=1,batch_sched_delay=0,sched_min_interval=100000,default_queue_depth=500
GresTypes=gpu
NodeName={names} NodeHostname={host} NodeAddr=127.0.0.1 Port={ports} {size} State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""
        )
        SEARCHED.mkdir(exist_ok=True)
        for name in ("slurm.conf", "gres.conf"):
            link = SEARCHED / name
            link.unlink(missing_ok=True)
            link.symlink_to(root / name)

    def _start(self) -> None:
        munge = self.folder / "munge"
        (munge / "key").write_bytes(os.urandom(128))
        (munge / "key").chmod(0o600)
        options = {
            "key-file": "key",
            "socket": "munge.socket",
            "pid-file": "munged.pid",
            "log-file": "log",
            "seed-file": "seed",
        }
        self._run("munged", "--force", *(f"--{option}={munge / name}" for option, name in options.items()))
        if self.accounting:
            self._start_accounting()
        self._run("slurmctld", "-c")
        for node in self.nodes:
            self.start_node(node)
        self.wait_idle()

    def _start_accounting(self) -> None:
        """A database of its own, slurmdbd before it, and the cluster known to both."""
        root, port = self.folder, _free_port()
        options = [f"--datadir={root}/database", "--user=root"]
        self._run("mariadb-install-db", "--no-defaults", *options)
        options += [
            f"--socket={root}/mariadb.sock",
            f"--pid-file={root}/mariadb.pid",
            f"--log-error={root}/log/mariadb",
        ]
        options += ["--bind-address=127.0.0.1", f"--port={port}", "--skip-grant-tables"]
        subprocess.Popen([shutil.which("mariadbd", path=_path()), "--no-defaults", *options], env=self.environment)
        if not self.until(lambda: _listens(port)):
            raise RuntimeError(f"mariadbd did not start; see {root}/log/mariadb")
        settings = root / "slurmdbd.conf"
        settings.write_text(
            f"""AuthType=auth/munge
AuthInfo=socket={root}/munge/munge.socket
DbdHost={_host()}
DbdAddr=127.0.0.1
DbdPort={self._setting("AccountingStoragePort")}
SlurmUser=root
PidFile={root}/slurmdbd.pid
LogFile={root}/log/slurmdbd.log
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort={port}
StorageUser=root
StorageLoc=slurm
"""
        )
        settings.chmod(0o600)  # slurmdbd refuses settings that others can read
        self._run("slurmdbd")
        if not self.until(lambda: _listens(int(self._setting("AccountingStoragePort")))):
            raise RuntimeError(f"slurmdbd did not start; see {root}/log/slurmdbd.log")
        self.call("sacctmgr", "--immediate", "add", "cluster", self._setting("ClusterName"))

    def _setting(self, name: str) -> str:
        lines = (self.folder / "slurm.conf").read_text().splitlines()
        return next(line.partition("=")[2] for line in lines if line.startswith(f"{name}="))

    def wait_idle(self, seconds: float = 60) -> None:
        """Wait until every node is ready for jobs."""
        if not self.until(self._ready, seconds):
            raise RuntimeError(f"nodes are not ready: {self.states()}; see {self.folder / 'log'}")

    def states(self) -> list[str]:
        """State of every node that has registered."""
        return self.call("sinfo", "--noheader", "--Node", "--format=%T", check=False).split()

    def _ready(self) -> bool:
        states = self.states()
        return len(states) == self.n_nodes and set(states) <= {"idle", "mixed", "allocated"}

    def _run(self, program: str, *arguments: str) -> None:
        path = shutil.which(program, path=_path())
        done = subprocess.run([path, *arguments], env=self.environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{program} did not start: {done.stdout}{done.stderr}")

    @staticmethod
    def _signal(pid_file: Path, number: int) -> None:
        if not pid_file.exists():
            return
        pid = int(pid_file.read_text())
        try:
            os.kill(pid, number)
            for _ in range(100):
                if _ended(pid):
                    return
                time.sleep(0.05)
        except ProcessLookupError:
            return


def _host() -> str:
    return socket.gethostname().split(".")[0]


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def _listens(port: int) -> bool:
    with socket.socket() as trial:
        return not trial.connect_ex(("127.0.0.1", port))


def _ended(pid: int) -> bool:
    """Gone, or a zombie that nobody collects (in containers whose first process does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


if __name__ == "__main__":
    if reason := missing():
        sys.exit(reason)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # so that the daemons are stopped too
    with LocalSlurm(Path(sys.argv[1]).resolve(), n_nodes=int(sys.argv[2]) if len(sys.argv) > 2 else 1) as cluster:
        print(f"export SLURM_CONF={cluster.folder}/slurm.conf", flush=True)
        print(cluster.call("sinfo"), "\nEnter stops the cluster.", flush=True)
        sys.stdin.readline()
