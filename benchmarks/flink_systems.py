"""The connectors that are compared: how a table of each is declared, and where Paimon's comes from."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.flink import distribution

COLUMNS = "id BIGINT, name STRING, age INT, salary DOUBLE, department STRING"
BUCKETS = 4
PAIMON_VERSION = "2.0.0"  # the newest release; made for Flink 2.0 and tested here to run on 2.3
PAIMON_ARTIFACTS = (
    f"org.apache.paimon:paimon-flink-2.0:{PAIMON_VERSION}",
    "org.apache.flink:flink-shaded-hadoop-2-uber:2.8.3-10.0",
)
SECONDS_TO_FETCH = 900
Options = Mapping[str, str]


@dataclass(frozen=True)
class System:
    """One connector. options: of every table; the settings of `sinks` and `lookups` have titles and options of their
    own, the first one of each is the default. exact: options of a writer whose table will be read as a changelog."""

    name: str
    title: str
    options: Options
    path_option: str
    sinks: Mapping[str, Options]
    lookups: Mapping[str, Options]
    exact: Options
    full_state: Options
    after_snapshot: Options
    after_offset: int

    def declare(self, table: str, folder: Path, more: Options) -> str:
        """CREATE TEMPORARY TABLE."""
        options = {"connector": self.name, self.path_option: str(folder), **self.options, **more}
        return declaration(table, f"{COLUMNS}, PRIMARY KEY (id) NOT ENFORCED", options)

    def changes_after(self, snapshot: int) -> Options:
        """Options of a source that hands out what came after a snapshot."""
        first = str(snapshot + self.after_offset)
        return {name: value or first for name, value in self.after_snapshot.items()}


def declaration(table: str, columns: str, options: Options) -> str:
    """CREATE TEMPORARY TABLE with these options."""
    listed = ", ".join(f"'{name}' = '{value}'" for name, value in options.items())
    return f"CREATE TEMPORARY TABLE {table} ({columns}) WITH ({listed})"


def newest_snapshot(folder: Path) -> int:
    """Both keep one file per snapshot, named by its number."""
    paths = (folder / "snapshot").glob("snapshot-*")
    return max(int(path.name.removeprefix("snapshot-").removesuffix(".json")) for path in paths)


OURS = System(
    name="tablestore",
    title="TableStore",
    options={"num-buckets": str(BUCKETS)},
    path_option="table-path",
    sinks={"TableStore": {"compaction": "auto"}, "TableStore, no compaction": {"compaction": "manual"}},
    lookups={"TableStore": {}},  # a synchronous lookup asks the worker for each row by itself
    exact={},
    full_state={"scan.startup.mode": "latest-full"},
    after_snapshot={"scan.startup.mode": "from-snapshot", "scan.startup.snapshot": ""},
    after_offset=0,
)
PAIMON = System(
    name="paimon",
    title="Paimon",
    options={"bucket": str(BUCKETS), "auto-create": "true"},
    path_option="path",
    sinks={"Paimon": {"write-only": "false"}, "Paimon, no compaction": {"write-only": "true"}},
    lookups={"Paimon": {}, "Paimon, asynchronous": {"lookup.async": "true"}},
    exact={"changelog-producer": "lookup"},
    # Without the option, Flink would add an operator that only repeats what the table knows.
    full_state={"scan.mode": "latest-full", "scan.remove-normalize": "true"},
    after_snapshot={"scan.mode": "from-snapshot", "scan.snapshot-id": ""},
    after_offset=1,
)


def paimon_jars() -> list[Path]:
    """Paimon's connector and the classes of Hadoop that it loads, fetched once through Maven."""
    home = distribution.HOME / "paimon"
    jars = []
    for artifact in PAIMON_ARTIFACTS:
        _, name, version = artifact.split(":")
        jars.append(home / f"{name}-{version}.jar")
        if not jars[-1].exists():
            _fetch(artifact, home)
    return jars


def _fetch(artifact: str, home: Path) -> None:
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home) as folder:
        command = [
            "mvn",
            "-q",
            "-B",
            "dependency:copy",
            f"-Dartifact={artifact}",
            f"-DoutputDirectory={folder}",
        ]
        subprocess.run(command, cwd=folder, check=True, timeout=SECONDS_TO_FETCH)
        for jar in Path(folder).glob("*.jar"):
            os.rename(jar, home / jar.name)
