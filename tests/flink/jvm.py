"""How a process of Flink is started: its options, its class path, and its classes as an archive that the JVM maps.

`python -m tests.flink.jvm` makes the archives that are not there yet, `.flink/<version>/classes-<JVM>.jsa`: a process
spends most of its first seconds on loading classes. Without them everything works and takes longer.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from tests.flink import distribution, jars

# What Flink's own scripts pass on Java 17.
OPENED = [
    *("java.base/java.lang", "java.base/java.util", "java.base/java.nio", "java.base/java.net"),
    *("java.base/java.lang.reflect", "java.base/java.time", "java.base/java.util.concurrent"),
    *("java.base/java.util.concurrent.atomic", "java.base/java.util.concurrent.locks", "java.base/java.text"),
]
COLLECTOR = "-XX:+UseSerialGC"
SECONDS_TO_ARCHIVE = 300
# A job that loads what jobs load.
TRAINING = """CREATE TABLE numbers (n BIGINT, name STRING) WITH ('connector' = 'datagen', 'number-of-rows' = '20000',
    'fields.n.max' = '99', 'fields.n.min' = '0');
CREATE TABLE counts (n BIGINT, amount BIGINT) WITH ('connector' = 'blackhole');
SET 'parallelism.default' = '2';
SET 'execution.checkpointing.interval' = '100 ms';
INSERT INTO counts SELECT n, COUNT(*) FROM numbers WHERE name > '' GROUP BY n;
SELECT * FROM (VALUES (1, 'one'), (2, 'two')) AS words (n, word);
"""


def java(
    heap_megabytes: int,
    class_path: str,
    folder: Path,
    short: bool = False,
    version: str = distribution.VERSION,
) -> list[str]:
    """How a process of Flink begins; one that works little is not worth much of the compiler's time. class_path: what
    there is besides Flink."""
    opened = [f"--add-opens={package}=ALL-UNNAMED" for package in OPENED]
    memory = [f"-Xmx{heap_megabytes}m", COLLECTOR, "-XX:MaxMetaspaceSize=384m"]
    logging = f"-Dlog4j.configurationFile=file:{folder / 'log4j.properties'}"
    level = ["-XX:TieredStopAtLevel=1"] if short else []
    return [
        "java",
        *archived(version),
        *memory,
        *level,
        *opened,
        logging,
        "-Dzookeeper.admin.enableServer=false",
        "-cp",
        f"{libraries(version)}{os.pathsep}{class_path}",
    ]


def libraries(version: str) -> str:
    """The class path of Flink alone. Archives are for class paths that begin with exactly this one."""
    found = sorted(distribution.library(version).resolve().glob("*.jar"))
    return os.pathsep.join(map(str, found))


@cache
def _virtual_machine() -> str:
    """What stands for the JVM in names: an archive belongs to one."""
    told = subprocess.run(["java", "-version"], capture_output=True, check=True, timeout=60).stderr
    return hashlib.sha256(told).hexdigest()[:12]


def archive(version: str) -> Path:
    """Where the archive of a version is, if it is there."""
    return distribution.HOME / version / f"classes-{_virtual_machine()}.jsa"


def archived(version: str = distribution.VERSION) -> list[str]:
    """Options that let a JVM use the archive, if there is one."""
    found = archive(version)
    return [f"-XX:SharedArchiveFile={found}"] if found.exists() else []


def make_archive(version: str) -> None:
    """Let a small job say which classes jobs need, and archive them."""
    with tempfile.TemporaryDirectory(dir=distribution.HOME) as temporary:
        folder = Path(temporary)
        classes, made = folder / "classes.list", folder / "classes.jsa"
        (folder / "script.sql").write_text(TRAINING)
        (folder / "log4j.properties").write_text("rootLogger.level = OFF\n")
        command = java(768, str(jars.testing(folder)), folder, short=True, version=version)
        command[1:1] = [f"-XX:DumpLoadedClassList={classes}"]
        command += ["org.tablestore.flink.testing.RunScript", str(folder / "script.sql")]
        dump = ["java", "-Xshare:dump", COLLECTOR, "-Xmx1g", "-Xlog:disable", "-Xlog:all=error:stderr"]
        dump += [f"-XX:SharedClassListFile={classes}", f"-XX:SharedArchiveFile={made}"]
        for step in (command, [*dump, "-cp", libraries(version)]):
            environment = {name: value for name, value in os.environ.items() if name != "FLINK_CONF_DIR"}
            done = subprocess.run(
                step,
                cwd=folder,
                env=environment,
                capture_output=True,
                text=True,
                timeout=SECONDS_TO_ARCHIVE,
                check=False,
            )
            if done.returncode != 0:
                print(f"no archive of the classes of Flink {version}: {done.stderr[-2000:]}", flush=True)
                return
        os.replace(made, archive(version))


def prepare() -> None:
    """Make the archives that are not there."""
    for version in (distribution.VERSION, *distribution.OLDER_VERSIONS):
        if not archive(version).exists():
            print(f"archiving the classes of Flink {version}", flush=True)
            make_archive(version)


if __name__ == "__main__":
    prepare()
