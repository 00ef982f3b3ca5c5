"""What is measured: each case runs the same job for every system in turn, and compares their answers."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import zip_longest
from pathlib import Path

from benchmarks.flink_figures import Done
from benchmarks.flink_oracle import Content, Stream, changed_keys, difference, final_content, joined_content
from benchmarks.flink_run import Answer, Measured, Runner
from benchmarks.flink_systems import COLUMNS, Options, System, declaration, newest_snapshot
from tests.flink.distribution import ROOT
from tests.flink.sql import Session

COMMITS = 8
COPY = "INSERT INTO target SELECT * FROM generated"
JOINED = "probe AS p JOIN dimension FOR SYSTEM_TIME AS OF p.moment AS d ON p.id = d.id"
JOIN = f"INSERT INTO counted SELECT p.id, d.name, d.age, d.salary, d.department FROM {JOINED}"


class WrongAnswer(Exception):
    """A system handed out other rows than it was given."""


@dataclass(frozen=True)
class Sizes:
    """rows: upserted by the sink; keys: that they are about, and rows of the dimension; read_rows: upserted into the
    table that is read; probes: of the lookup join; commit_rows: of each commit that is caught up with."""

    rows: int
    keys: int
    read_rows: int
    probes: int
    commit_rows: int

    @classmethod
    def of(cls, rows: int) -> Sizes:
        """In the usual proportions."""
        return cls(rows, rows // 2, rows * 4, rows * 3 // 10, rows // 20)

    def upserts(self) -> Stream:
        """Keys at random: more than half of the rows are updates."""
        return Stream(self.rows, self.keys)

    def state(self) -> Stream:
        """The same in the table that is read: large, because a job that reads it begins by starting Python."""
        return Stream(self.read_rows, self.read_rows // 2, seed=4)

    def dimension(self) -> Stream:
        """Every key once."""
        return Stream(self.keys, self.keys, seed=2, once=True)

    def commits(self) -> list[Stream]:
        """What is upserted over the dimension, one commit each."""
        # Far apart: rows of one key with the same sum of seed and step would be equal, and no change.
        return [Stream(self.commit_rows, self.keys, seed=number << 40) for number in range(1, COMMITS + 1)]

    def probe(self) -> Stream:
        """Keys at random."""
        return Stream(self.probes, self.keys, seed=3)


class Bench:
    """The cases at one size. Tables are kept in `folder`: those of the sink until it runs again, others for good."""

    def __init__(self, runner: Runner, systems: Sequence[System], sizes: Sizes, folder: Path) -> None:
        self._runner = runner
        self._systems = systems
        self._sizes = sizes
        self._folder = folder

    def run(self, case: str) -> Iterator[Done]:
        """One round of a case. Raises WrongAnswer."""
        if case == "bridge":
            yield self._bridge()
        elif case in ("read", "changes"):
            for system in self._systems:
                yield self._changes(system) if case == "changes" else self._read(system)
        else:
            measure = {"sink": self._sink, "lookup": self._lookup}[case]
            settings = [system.lookups if case == "lookup" else system.sinks for system in self._systems]
            for names in zip_longest(*settings):
                for system, setting in zip(self._systems, names, strict=True):
                    if setting is not None:
                        yield measure(system, setting)

    def _bridge(self) -> Done:
        """From the generator to Python workers that drop the rows."""
        stream = Stream(2 * self._sizes.rows, self._sizes.keys)
        program = self._folder / "receiver"
        command = f'PYTHONPATH="{ROOT}" exec "{sys.executable}" -m benchmarks.flink_receiver "$@"'
        program.write_text(f"#!/bin/sh\n{command}\n")
        program.chmod(0o755)
        options = {"connector": "tsbridge", "path": str(self._folder / "bridge"), "python": str(program)}
        with self._runner.session() as session:
            generate(session, stream)
            session.execute(declaration("target", f"{COLUMNS}, PRIMARY KEY (id) NOT ENFORCED", options))
            return Done("bridge", "TableStore", stream.rows, self._runner.finish(session, COPY))

    def _sink(self, system: System, setting: str) -> Done:
        """Upsert a stream into a new table, and check what came of it."""
        folder = self._folder / f"sink-{system.name}-{list(system.sinks).index(setting)}"
        shutil.rmtree(folder, ignore_errors=True)
        stream, options = self._sizes.upserts(), system.sinks[setting]
        measured = self._write(system, folder, stream, options)
        _, found = self._read_state(system, folder, options, self._after_sink.rows)
        compare(f"sink, {setting}", found, self._after_sink)
        return Done("sink", setting, stream.rows, measured)

    def _read(self, system: System) -> Done:
        """Read the state of a table as a stream, until its last row has come."""
        folder, options = self._folder / f"state-{system.name}", system.sinks[system.title]
        self._fill(system, folder, self._sizes.state())
        measured, found = self._read_state(system, folder, options, self._state.rows)
        compare(f"read, {system.title}", found, self._state)
        return Done("read", system.title, self._state.rows, measured)

    def _read_state(
        self, system: System, folder: Path, options: Options, rows: int
    ) -> tuple[Measured, Content]:
        with self._runner.session() as session:
            session.execute(system.declare("source", folder, {**options, **system.full_state}))
            return self._count(session, rows)

    def _fill(self, system: System, folder: Path, stream: Stream) -> None:
        """Make a table that is kept."""
        done = folder.with_suffix(".done")
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            self._write(system, folder, stream, system.sinks[system.title])
            done.touch()

    def _changes(self, system: System) -> Done:
        """Read the exact changes of some commits until the last one has come."""
        folder = self._folder / f"changes-{system.name}"
        start = folder.with_suffix(".start")
        if not start.exists():
            shutil.rmtree(folder, ignore_errors=True)
            self._write(system, folder, self._sizes.dimension(), system.exact, one_commit=True)
            loaded = newest_snapshot(folder)
            for stream in self._sizes.commits():
                self._write(system, folder, stream, system.exact, one_commit=True)
            start.write_text(str(loaded))
        rows, expected = self._catch_up
        options = system.changes_after(int(start.read_text()))
        with self._runner.session() as session:
            session.execute(system.declare("source", folder, {**system.exact, **options}))
            measured, found = self._count(session, rows)
        compare(f"changes, {system.title}", found, expected)
        return Done("changes", system.title, rows, measured)

    def _lookup(self, system: System, setting: str) -> Done:
        """Join a stream of keys with the dimension."""
        folder = self._folder / f"dimension-{system.name}"
        self._fill(system, folder, self._sizes.dimension())
        stream, answer = self._sizes.probe(), self._runner.answer()
        with self._runner.session() as session:
            generate(session, stream, "probe", "id BIGINT, moment AS PROCTIME()")
            session.execute(system.declare("dimension", folder, system.lookups[setting]))
            count_into(session, answer)
            measured = self._runner.finish(session, JOIN)
        compare(f"lookup join, {setting}", answer.content(), self._joined)
        return Done("lookup", setting, stream.rows, measured)

    def _write(
        self, system: System, folder: Path, stream: Stream, options: Options, one_commit: bool = False
    ) -> Measured:
        """Upsert a stream into a table. one_commit: without checkpoints, so that the only commit is at its end."""
        with self._runner.session(checkpoints=not one_commit) as session:
            generate(session, stream)
            session.execute(system.declare("target", folder, options))
            return self._runner.finish(session, COPY)

    def _count(self, session: Session, rows: int) -> tuple[Measured, Content]:
        """Count what the table `source` hands out, until there are so many rows."""
        answer = self._runner.answer()
        count_into(session, answer)
        measured = self._runner.until(session, "INSERT INTO counted SELECT * FROM source", answer, rows)
        return measured, answer.content()

    @cached_property
    def _after_sink(self) -> Content:
        return final_content([self._sizes.upserts()])

    @cached_property
    def _state(self) -> Content:
        return final_content([self._sizes.state()])

    @cached_property
    def _catch_up(self) -> tuple[int, Content]:
        """Rows of the exact changelog of the commits, -U and +U for every key of each, and what it folds to."""
        load, commits = self._sizes.dimension(), self._sizes.commits()
        rows = 2 * sum(changed_keys(stream) for stream in commits)
        return rows, difference(final_content([load]), final_content([load, *commits]))

    @cached_property
    def _joined(self) -> Content:
        return joined_content(self._sizes.probe(), self._sizes.dimension())


def generate(session: Session, stream: Stream, table: str = "generated", columns: str = COLUMNS) -> None:
    """Declare a generated table."""
    session.execute(declaration(table, columns, {"connector": "tsgen", **stream.options()}))


def count_into(session: Session, answer: Answer) -> None:
    """Declare the table `counted`."""
    options = {"connector": "tscount", "directory": str(answer.folder)}
    session.execute(declaration("counted", COLUMNS, options))


def compare(what: str, found: Content, expected: Content) -> None:
    """Raises WrongAnswer if they differ."""
    if found != expected:
        raise WrongAnswer(f"{what}: {found} and not {expected}")
