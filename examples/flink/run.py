"""Runs mission.sql or pipeline.sql in Flink's SQL client, with a small cluster inside of the same process.

    make flink flink-env
    .venv/bin/python examples/flink/run.py mission.sql [--folder FOLDER]

FLINK_HOME may name another Flink than the one that the tests use. On a real cluster nothing of this is needed: the
connector's jar is copied to its lib/, and the scripts run in its SQL client.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import tablestore as ts
from tablestore.flink.jar import jar_path

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
FOLDER = "/tmp/tablestore"
SECONDS = 240


def class_path(home: Path) -> str:
    """Flink, its SQL client and gateway, and the connector."""
    jars = [
        *sorted(home.glob("lib/*.jar")),
        *home.glob("opt/flink-sql-*.jar"),
        *home.glob("opt/flink-python-*.jar"),
    ]
    jars += home.parent.glob("gateway/*.jar")  # not part of the distribution that the tests use
    assert jars, f"no Flink in {home}: `make flink-env`, or set FLINK_HOME"
    return os.pathsep.join(map(str, [*jars, jar_path()]))


def start(script: Path, folder: Path, work: Path) -> subprocess.Popen[str]:
    """The SQL client with a script whose tables are in another folder."""
    sql = script.read_text().replace(FOLDER, str(folder))
    (work / script.name).write_text(sql)
    (work / "config.yaml").write_text("execution.target: local\nexecution.checkpointing.interval: 1 s\n")
    (work / "log4j.properties").write_text("rootLogger.level = OFF\n")
    python = work / "python3"  # finds the package in this tree without an installation
    python.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    home = Path(os.environ.get("FLINK_HOME") or ROOT / ".flink" / "2.3.0" / "pyflink")
    command = ["java", "-Xmx1g", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
    command += [f"--add-opens=java.base/java.{name}=ALL-UNNAMED" for name in ("lang", "util", "nio", "net")]
    command += [f"-Dlog4j.configurationFile=file:{work}/log4j.properties", "-cp", class_path(home)]
    command += ["org.apache.flink.table.client.SqlClient", "-f", str(work / script.name)]
    environment = {**os.environ, "FLINK_CONF_DIR": str(work), "PATH": f"{work}:{os.environ['PATH']}"}
    return subprocess.Popen(command, cwd=work, env=environment, text=True, stdin=subprocess.DEVNULL)


def mission(client: subprocess.Popen[str], folder: Path) -> None:
    """Wait for the script's end, and read the same table from Python."""
    status = client.wait(SECONDS)
    assert status == 0, f"the SQL client ended with {status}"
    users = ts.open_table(folder / "users")
    found = users.scan(columns=["id", "name", "department"]).to_arrow().sort_by("id")
    print(found.to_pylist())
    assert found["department"].to_pylist() == ["Marketing", "Marketing", "Engineering"]


def pipeline(client: subprocess.Popen[str], folder: Path) -> None:
    """Watch both tables until everything that was ordered has been added up."""
    end = time.monotonic() + SECONDS
    before = None
    while time.monotonic() < end:
        assert client.poll() is None, f"the pipeline ended with {client.returncode}"
        time.sleep(1)
        if not all((folder / name / "snapshot").is_dir() for name in ("orders", "sales")):
            continue
        orders = ts.open_table(folder / "orders")
        sales = ts.open_table(folder / "sales").scan().to_arrow()
        rows = orders.scan().to_arrow()
        wanted = rows.group_by("city").aggregate([("id", "count"), ("amount", "sum")]).sort_by("city")
        found = sales.sort_by("city").select(["city", "orders", "amount"])
        print(
            f"orders: {rows.num_rows} in snapshot {orders.version}; sales: {sales.num_rows} cities",
            flush=True,
        )
        found = found.rename_columns(wanted.column_names)
        if rows.num_rows and rows == before and found == wanted.cast(found.schema):
            return
        before = rows
    raise SystemExit("the pipeline has not caught up")


def main() -> None:
    """Run a script of this folder."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("script", choices=["mission.sql", "pipeline.sql"])
    parser.add_argument(
        "--folder", type=Path, help="where the tables are made; a temporary folder by default"
    )
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary) / "work"
        work.mkdir()
        folder = (given.folder or Path(temporary) / "tables").absolute()
        client = start(HERE / given.script, folder, work)
        try:
            check = mission if given.script == "mission.sql" else pipeline
            check(client, folder)
        finally:
            client.kill()
            client.wait()
    print("all right")


if __name__ == "__main__":
    main()
