"""A TableStore table used from PyFlink: written, joined with a stream by lookup, and read again.

    python examples/flink/from_pyflink.py --jar JAR --python PYTHON [--folder FOLDER]

It runs in an environment that has `apache-flink`. That package needs an older pyarrow than `tablestore-lsm`, so the two
live apart: --python names the Python of the other environment, in which the connector starts its workers, and there
`python -m tablestore.flink jar` prints the path of the jar.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from pyflink.common import Configuration
from pyflink.table import EnvironmentSettings, TableEnvironment

WITH = (
    "WITH ('connector' = 'tablestore', 'num-buckets' = '2', "
    "'python.executable' = '{python}', 'table-path' = '{path}')"
)
USERS = [
    ("1", "Alice", "Engineering", 85000.0),
    ("2", "Bob", "Marketing", 65000.0),
    ("3", "Carol", "Engineering", 99000.0),
]
VISITS = [(1, "2"), (2, "3"), (3, "9"), (4, "1")]
SECONDS = 120_000


def environment(jar: str) -> TableEnvironment:
    """Streaming, on a small cluster inside of this process, with the connector's jar."""
    settings = Configuration()
    settings.set_string("pipeline.jars", Path(jar).resolve().as_uri())
    settings.set_string("parallelism.default", "2")
    settings.set_string("execution.checkpointing.interval", "1 s")
    streaming = EnvironmentSettings.new_instance().in_streaming_mode().with_configuration(settings)
    return TableEnvironment.create(streaming.build())


def main(jar: str, python: str, folder: Path) -> None:
    flink = environment(jar)
    flink.execute_sql(
        "CREATE TABLE users (id STRING, name STRING, department STRING, salary DOUBLE, PRIMARY KEY (id) NOT ENFORCED) "
        f"PARTITIONED BY (department) {WITH.format(python=python, path=folder / 'users')}"
    )
    flink.from_elements(USERS, ["id", "name", "department", "salary"]).execute_insert("users").wait(SECONDS)
    flink.execute_sql("INSERT INTO users VALUES ('1', 'Alice', 'Marketing', 91000.0)").wait(SECONDS)

    bounded = "/*+ OPTIONS('scan.bounded' = 'true') */"
    with flink.execute_sql(
        f"SELECT id, name, salary FROM users {bounded} WHERE department = 'Marketing'"
    ).collect() as rows:
        marketing = sorted(tuple(row) for row in rows)
    print(marketing)
    assert marketing == [("1", "Alice", 91000.0), ("2", "Bob", 65000.0)]

    flink.create_temporary_view("visits", flink.from_elements(VISITS, ["visit", "user_id"]))
    joined = flink.sql_query(
        "SELECT v.visit, u.name FROM (SELECT *, PROCTIME() AS moment FROM visits) AS v "
        "LEFT JOIN users FOR SYSTEM_TIME AS OF v.moment AS u ON u.id = v.user_id"
    )
    with joined.execute().collect() as rows:
        names = sorted(tuple(row) for row in rows)
    print(names)
    assert names == [(1, "Bob"), (2, "Carol"), (3, None), (4, "Alice")]
    print("all right")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--jar", required=True, help="the connector's jar")
    parser.add_argument("--python", required=True, help="the Python that has tablestore-lsm")
    parser.add_argument("--folder", type=Path, help="where the table is made; a temporary one if left out")
    given = parser.parse_args()
    if given.folder is not None:
        main(given.jar, given.python, given.folder.resolve())
    else:
        with tempfile.TemporaryDirectory() as temporary:
            main(given.jar, given.python, Path(temporary))
