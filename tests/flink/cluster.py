"""A standalone Flink cluster of real processes: ZooKeeper, JobManager, TaskManagers, SQL gateway.

The connector's jar is copied to `lib/`, and nothing else is done for it; Flink's own jars stay where they are. Every
process may be killed and started again: the JobManager finds its jobs through ZooKeeper, as in production.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tests.flink import distribution
from tests.flink.jvm import java
from tests.flink.processes import Process, command_line, descendants, free_port
from tests.flink.rest import RequestFailed, call, wait_for
from tests.flink.sql import Session

WORKER = "tablestore.flink.worker"
SLOTS = 3
SECONDS_TO_START = 180.0
LOGGING = """rootLogger.level = INFO
rootLogger.appenderRef.out.ref = Out
appender.out.name = Out
appender.out.type = CONSOLE
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{HH:mm:ss,SSS} %-5p %c{1} - %m%n
logger.zookeeper.name = org.apache.flink.shaded.zookeeper3
logger.zookeeper.level = WARN
logger.curator.name = org.apache.flink.shaded.curator5
logger.curator.level = WARN
logger.pekko.name = org.apache.pekko
logger.pekko.level = WARN
"""


class Cluster:
    """`start`, then sessions, jobs and kills, then `stop`."""

    def __init__(
        self,
        folder: Path,
        jars: list[Path],
        task_managers: int = 2,
        heap_megabytes: int = 512,
        settings: Mapping[str, str] | None = None,
        java_options: Sequence[str] = (),
    ) -> None:
        """settings: of Flink, an empty one is left out; java_options: further options of the TaskManagers."""
        self.folder = folder
        self._ports = {name: free_port() for name in ("rest", "rpc", "zookeeper", "gateway")}
        self.rest = f"http://127.0.0.1:{self._ports['rest']}"
        self._heap = heap_megabytes
        self._java_options = java_options
        for name in ("conf", "lib", "bin", "log", "checkpoints", "savepoints", "recovery", "plugins"):
            (folder / name).mkdir()
        for jar in jars:
            shutil.copy(jar, folder / "lib")
        self._write_python()
        self._write_settings(dict(settings or {}))
        self._environment = self._make_environment()
        self.zookeeper = self._zookeeper()
        self.job_manager = self._flink("job-manager", "entrypoint.StandaloneSessionClusterEntrypoint", [])
        self.task_managers = [
            self._flink(
                f"task-manager-{number}",
                "taskexecutor.TaskManagerRunner",
                ["-D", f"taskmanager.resource-id=task-manager-{number}"],
            )
            for number in range(task_managers)
        ]
        self.gateway = self._gateway()
        self.processes = [self.zookeeper, self.job_manager, *self.task_managers, self.gateway]

    # Files

    def _write_python(self) -> None:
        """`python3` on the PATH of the cluster: this interpreter, with the package in this tree. Tests that look for
        workers of a role, or hurt them, name `watched_python` instead: see watched_worker.py."""
        self.watch = self.folder / "watch"
        self.watch.mkdir()
        begin = f'#!/bin/sh\nPYTHONPATH="{distribution.ROOT}" exec "{sys.executable}"'
        programs = {"python3": "", "watched-python": f'-P -m tests.flink.watched_worker "{self.watch}"'}
        for name, own in programs.items():
            program = self.folder / "bin" / name
            program.write_text(f'{begin} {own} "$@"\n')
            program.chmod(0o755)
        self.watched_python = str(self.folder / "bin" / "watched-python")

    def _write_settings(self, extra: dict[str, str]) -> None:
        folder = self.folder
        client = {
            "rest.address": "127.0.0.1",
            "rest.port": str(self._ports["rest"]),
            "execution.target": "remote",
            "execution.checkpointing.dir": f"file://{folder}/checkpoints",
            "execution.checkpointing.savepoint-dir": f"file://{folder}/savepoints",
            "execution.checkpointing.interval": "1 s",
            "restart-strategy.type": "fixed-delay",
            "restart-strategy.fixed-delay.attempts": "100000",
            "restart-strategy.fixed-delay.delay": "500 ms",
            "parallelism.default": "2",
        }
        server = {
            "jobmanager.rpc.address": "127.0.0.1",
            "jobmanager.rpc.port": str(self._ports["rpc"]),
            "rest.bind-address": "127.0.0.1",
            "taskmanager.host": "127.0.0.1",
            "taskmanager.numberOfTaskSlots": str(SLOTS),
            "taskmanager.load-balance.mode": "SLOTS",
            "taskmanager.cpu.cores": "1.0",
            "taskmanager.memory.framework.heap.size": "128m",
            "taskmanager.memory.task.heap.size": f"{self._heap - 128}m",
            "taskmanager.memory.framework.off-heap.size": "64m",
            "taskmanager.memory.task.off-heap.size": "64m",
            "taskmanager.memory.managed.size": "64m",
            "taskmanager.memory.network.min": "96m",
            "taskmanager.memory.network.max": "96m",
            "taskmanager.memory.jvm-metaspace.size": "384m",
            "taskmanager.memory.jvm-overhead.min": "192m",
            "taskmanager.memory.jvm-overhead.max": "192m",
            "heartbeat.interval": "1000",
            "heartbeat.timeout": "10000",
            "slot.request.timeout": "60000",
            "resourcemanager.taskmanager-registration.timeout": "60 s",
            "cluster.registration.error-delay": "500",
            "cluster.registration.initial-timeout": "100",
            "cluster.registration.refused-registration-delay": "500",
            "high-availability.type": "zookeeper",
            "high-availability.storageDir": f"file://{folder}/recovery",
            "high-availability.zookeeper.quorum": f"127.0.0.1:{self._ports['zookeeper']}",
            "high-availability.jobmanager.port": str(self._ports["rpc"]),
            "high-availability.zookeeper.client.session-timeout": "10000",
            "web.refresh-interval": "1000",
            "io.tmp.dirs": f"{folder}/tmp",
        }
        for name, values in {"conf": {**client, **server, **extra}, "client": {**client, **extra}}.items():
            (folder / name).mkdir(exist_ok=True)
            lines = [f"{key}: {value}\n" for key, value in values.items() if value]
            (folder / name / "config.yaml").write_text("".join(lines))
        (folder / "tmp").mkdir()
        (folder / "log4j.properties").write_text(LOGGING)
        (folder / "zookeeper").mkdir()
        (folder / "zookeeper.cfg").write_text(
            f"tickTime=1000\ndataDir={folder}/zookeeper\nclientPort={self._ports['zookeeper']}\n"
            "clientPortAddress=127.0.0.1\nmaxClientCnxns=0\n"
        )

    def _make_environment(self) -> dict[str, str]:
        own = {
            "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "FLINK_CONF_DIR": str(self.folder / "conf"),
            "FLINK_PLUGINS_DIR": str(self.folder / "plugins"),
            "FLINK_LIB_DIR": str(self.folder / "lib"),
        }
        dropped = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"}
        return {name: value for name, value in os.environ.items() if name not in dropped} | own

    # Processes

    def _process(self, name: str, command: list[str], environment: Mapping[str, str]) -> Process:
        return Process(name, command, self.folder / "log" / f"{name}.log", environment)

    def _zookeeper(self) -> Process:
        program = "org.apache.flink.runtime.zookeeper.FlinkZooKeeperQuorumPeer"
        own = ["--zkConfigFile", str(self.folder / "zookeeper.cfg"), "--peerId", "1"]
        command = [*java(96, f"{self.folder}/lib/*", self.folder, short=True), program, *own]
        return self._process("zookeeper", command, self._environment)

    def _flink(self, name: str, program: str, own: list[str]) -> Process:
        begin = java(self._heap, f"{self.folder}/lib/*", self.folder, short=name == "job-manager")
        if name != "job-manager":
            begin[begin.index("-cp") : begin.index("-cp")] = self._java_options
        main = f"org.apache.flink.runtime.{program}"
        return self._process(
            name, [*begin, main, "--configDir", str(self.folder / "conf"), *own], self._environment
        )

    def _gateway(self) -> Process:
        jars = f"{self.folder}/lib/*:{distribution.gateway(distribution.VERSION)}/*"
        own = [
            f"-Dsql-gateway.endpoint.rest.{name}={value}"
            for name, value in {
                "address": "127.0.0.1",
                "bind-address": "127.0.0.1",
                "port": self._ports["gateway"],
            }.items()
        ]
        command = [
            *java(384, jars, self.folder, short=True),
            "org.apache.flink.table.gateway.SqlGateway",
            *own,
        ]
        environment = {**self._environment, "FLINK_CONF_DIR": str(self.folder / "client")}
        return self._process("gateway", command, environment)

    def start(self) -> None:
        """Start all processes, and wait until jobs can run."""
        for process in self.processes:
            process.start()
        self.wait_for_slots()
        self._wait_for("the SQL gateway", lambda: call("GET", f"{self.server}/v2/info"))

    def _wait_for(self, what: str, probe: Callable[[], Any]) -> None:
        """Wait; say why at once when a process ended instead."""

        def living_probe() -> Any:
            ended = [process for process in self.processes if not process.is_alive and not process.was_killed]
            assert not ended, f"{ended[0].name} ended: {ended[0].tail()}"
            return probe()

        wait_for(what, SECONDS_TO_START, living_probe)

    def stop(self) -> None:
        """Kill every process that this cluster started, workers included."""
        workers = self.workers()
        for process in reversed(self.processes):
            process.kill()
        for pid in workers:
            if WORKER in command_line(pid):
                os.kill(pid, signal.SIGKILL)

    def wait_for_slots(self, task_managers: int | None = None) -> None:
        """Wait until so many TaskManagers (default: all that run) offer their slots."""
        running = sum(process.is_alive for process in self.task_managers)
        count = running if task_managers is None else task_managers

        def probe() -> bool:
            return bool(call("GET", f"{self.rest}/overview")["taskmanagers"] == count)

        self._wait_for(f"{count} TaskManagers", probe)

    # SQL and jobs

    @property
    def server(self) -> str:
        return f"http://127.0.0.1:{self._ports['gateway']}"

    def session(self, **settings: str) -> Session:
        """A new SQL session; dots in the names of settings are written as underscores."""
        session = Session(self.server)
        session.set(**settings)
        return session

    def job(self, job: str) -> dict[str, Any]:
        """What the JobManager knows of a job."""
        return dict(call("GET", f"{self.rest}/jobs/{job}"))

    def state(self, job: str) -> str:
        """The state of a job, such as RUNNING."""
        return str(self.job(job)["state"])

    def wait(self, job: str, state: str = "FINISHED", seconds: float = 120.0) -> None:
        """Wait until the job is in a state; fail when it ends in another one."""

        def probe() -> bool:
            found = self.state(job)
            if found in {"FAILED", "CANCELED", "FINISHED"} and found != state:
                raise AssertionError(f"job {found}, not {state}: {self.exception(job)}")
            return found == state

        wait_for(f"job {job} {state}", seconds, probe)

    def is_running(self, job: str) -> bool:
        """Whether all tasks of the job run."""
        found = self.job(job)
        assert found["state"] != "FAILED", f"job {found['name']} failed: {self.exception(job)}"
        tasks = found["vertices"]
        return bool(tasks) and all(task["status"] in {"RUNNING", "FINISHED"} for task in tasks)

    def wait_running(self, job: str, seconds: float = 120.0) -> None:
        """Wait until all tasks of the job run."""
        wait_for(f"job {job} running", seconds, lambda: self.is_running(job))

    def rows_sent(self, job: str) -> int:
        """Rows that the first of the job's tasks have handed on, as far as the JobManager has heard."""
        return int(self.job(job)["vertices"][0]["metrics"]["write-records"])

    def exception(self, job: str) -> str:
        """Why the job failed at last, causes included."""
        history = call("GET", f"{self.rest}/jobs/{job}/exceptions").get("exceptionHistory", {})
        entries = history.get("entries") or []
        return str(entries[0]["stacktrace"]) if entries else ""

    def failures(self, job: str) -> int:
        """How often the job failed and was restarted, as far as the JobManager remembers (16)."""
        answer = call("GET", f"{self.rest}/jobs/{job}/exceptions?maxExceptions=100")
        return len(answer["exceptionHistory"]["entries"])

    def checkpoints(self, job: str) -> dict[str, Any]:
        """Counts and history of the job's checkpoints."""
        return dict(call("GET", f"{self.rest}/jobs/{job}/checkpoints"))

    def newest_checkpoint(self, job: str) -> int:
        """The number of the newest checkpoint that is complete or was restored; counts begin anew with a JobManager,
        numbers do not."""
        latest = self.checkpoints(job)["latest"]
        return max(
            (found["id"] for name in ("completed", "restored") if (found := latest.get(name))), default=0
        )

    def wait_for_checkpoints(self, job: str, more: int = 1, seconds: float = 120.0) -> None:
        """Wait until so many more checkpoints completed."""
        for _ in range(more):
            known = self.newest_checkpoint(job)
            wait_for("a checkpoint", seconds, partial(self._is_past, job, known))

    def _is_past(self, job: str, checkpoint: int) -> bool:
        return self.newest_checkpoint(job) > checkpoint

    def cancel(self, job: str, seconds: float = 60.0) -> None:
        """Cancel a job and wait until it is gone."""
        call("PATCH", f"{self.rest}/jobs/{job}?mode=cancel")
        self.wait(job, "CANCELED", seconds)

    def savepoint(self, job: str, stop: bool = False, seconds: float = 120.0) -> str:
        """Take a savepoint, and stop the job with it if asked to; where it is."""
        action, body = ("stop", {"drain": False}) if stop else ("savepoints", {"cancel-job": False})
        trigger = call("POST", f"{self.rest}/jobs/{job}/{action}", body)["request-id"]
        url = f"{self.rest}/jobs/{job}/savepoints/{trigger}"

        def probe() -> Any:
            answer = call("GET", url)
            return answer["operation"] if answer["status"]["id"] == "COMPLETED" else None

        done = wait_for("a savepoint", seconds, probe)
        assert "location" in done, done.get("failure-cause")
        if stop:
            self.wait(job)
        return str(done["location"])

    def cancel_all(self) -> None:
        """End what earlier tests left."""
        for job in call("GET", f"{self.rest}/jobs")["jobs"]:
            if job["status"] not in {"FINISHED", "CANCELED", "FAILED"}:
                try:
                    self.cancel(job["id"])
                except (AssertionError, RequestFailed):
                    continue  # it ended by itself meanwhile

    # Workers

    def workers(self) -> set[int]:
        """Python workers of this cluster that live."""
        machines = {process.pid for process in (self.job_manager, *self.task_managers) if process.lives}
        return {pid for pid in descendants(machines) if WORKER in command_line(pid)}

    def workers_of(self, role: str) -> set[int]:
        """Living workers of a role, of tables whose `python.executable` is `watched_python`."""
        named = {int(path.name.rpartition("-")[2]) for path in self.watch.glob(f"{role}-*")}
        return named & self.workers()

    def hung_workers_of(self, role: str) -> set[int]:
        """Those of them that met `hang-<role>`."""
        return self.workers_of(f"hung-{role}")
