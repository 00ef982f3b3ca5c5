"""One process of many on a table, which may be killed at any moment and is then started again.

`python -m tests.soak.worker ROLE TABLE NUMBER LIFE OUTPUT` works until the file `stop` appears beside the table and
adds one JSON object a step to OUTPUT. LIFE counts how often it was started.
"""

from __future__ import annotations

import datetime
import itertools
import json
import random
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

import tablestore as ts
from tablestore import follow as following
from tablestore import lease
from tests.soak.oracle import ABSENT, KEYS, SCHEMA, SPACE, WRITERS, Oracle, encode_changes, rows, rows_of

NOW = datetime.timedelta(0)
BATCH_ROWS = 100  # of followers: so that they can be killed within a snapshot
PIN_SECONDS = 20.0  # of dead processes; long for living ones on a busy machine


@dataclass
class Post:
    """Where a worker stands: its table, its number, which life this is, and where it says what it did."""

    table: Path
    number: int
    life: int
    output: Path

    def __post_init__(self) -> None:
        self.random = random.Random(time.time_ns())
        self.oracle = Oracle()
        whole = self.output.read_bytes() if self.output.exists() else b""
        self._lines = self.output.open("ab")
        self._lines.truncate(whole.rfind(b"\n") + 1)

    def say(self, **what: Any) -> None:
        """One line. What is handed to the kernel outlives the process."""
        self._lines.write(json.dumps(what).encode() + b"\n")
        self._lines.flush()

    @property
    def stopped(self) -> bool:
        return (self.table.parent / "stop").exists()

    @property
    def last_version(self) -> int | None:
        """What followers must reach, once nobody writes any more."""
        path = self.table.parent / "last-version"
        return int(path.read_text()) if path.exists() else None

    def pause(self, most: float) -> None:
        time.sleep(self.random.uniform(0, most))


def write(post: Post) -> None:
    """Commits under an identity, each again until it is in: a conflict is given anew, an unknown outcome looked up."""
    table = ts.open_table(post.table)
    name = f"writer-{post.number}"
    while not post.stopped:
        with table.writer(name) as writer:
            last = writer.last_commit_id()
            number = 0 if last is None else last + 1
            put, gone = rows_of(post.number, number)
            if number % 2:
                writer.upsert(put)
                writer.delete(gone)
            else:
                writer.delete(gone)
                writer.upsert(put)
            if number % 7 == 0:
                writer._session.flush()
                post.pause(0.02)
            try:
                result = writer.commit(commit_id=number)
            except ts.CommitConflictError as error:
                post.say(conflict=number, error=str(error))
                continue
            except ts.CommitUnknownError as error:
                post.say(unknown=number, error=str(error))
                table = ts.open_table(post.table)
                continue
        post.say(commit=number, version=result.version, published=result.published, retries=result.retries)
        post.pause(0.2)


def expire(post: Post) -> None:
    """Few snapshots are kept, sometimes one."""
    table = ts.open_table(post.table)
    while not post.stopped:
        result = table.expire_snapshots(keep_last=post.random.randint(1, 4))
        post.say(expired=result.snapshots, boundary=result.boundary, files=result.files + result.manifests)
        post.pause(0.3)


def clean(post: Post) -> None:
    """Age limit 0, but not without a pause: each time it may refuse all commits that are under way."""
    table = ts.open_table(post.table)
    while not post.stopped:
        try:
            result = table.remove_orphan_files(dry_run=False, older_than=NOW)
            post.say(cleaned=result.files + result.manifests + result.temporaries)
        except ts.CommitConflictError as error:
            post.say(conflict=0, error=str(error))
        time.sleep(1.0)
        post.pause(1.0)


def follow(post: Post) -> None:
    """Follower 0 from the first snapshot, 1 from a whole state, both as one consumer for all lives; 2 as a new one in
    every life, from a state or from the next change on."""
    following.BATCH_ROWS = BATCH_ROWS
    fresh = post.number == 2
    since = "earliest" if post.number == 0 else "latest" if fresh and post.life % 2 else "latest-full"
    name = f"follower-{post.number}" + (f"-{post.life}" if fresh else "")
    expires = datetime.timedelta(seconds=PIN_SECONDS) if fresh else datetime.timedelta(days=1)
    table = ts.open_table(post.table)
    while True:
        last = post.last_version
        # It ends after half a second without news, and goes on where it was: not only who was killed comes back.
        with table.follow(
            since, consumer=name, poll_seconds=0.1, timeout=0.5, consumer_expires=expires
        ) as follower:
            for batch in follower:
                versions = np.unique(batch.column("_version").to_numpy())
                assert len(versions) == 1, "a batch goes beyond its snapshot"
                codes = encode_changes(pa.Table.from_batches([batch]))
                post.say(version=int(versions[0]), codes=codes.tolist())
            if last is not None and follower.version >= last:
                return


def scan(post: Post) -> None:
    """Readers of every kind. What they find is exact: the first commits of each writer, no more and no less."""
    table = ts.open_table(post.table)
    name = f"scanner-{post.number}"
    if name in table.tags().column("name").to_pylist():
        check_tag(post, table, name)  # from an earlier life
    kinds = (newest, held, streamed, looked_up, tagged)
    for step in itertools.count(post.number + post.life):
        if post.stopped:
            return
        if post.random.random() < 0.2:
            table = ts.open_table(post.table)
        try:
            kind = kinds[step % len(kinds)]
            kind(post, table)
            post.say(read=kind.__name__)
        except Late as error:
            post.say(late=str(error))
        post.pause(0.4)


class Late(Exception):
    """A version had expired before it was held."""


def newest(post: Post, table: ts.Table) -> None:
    """Whatever is newest, without a view."""
    post.oracle.check_state(table.scan().to_arrow())


def held(post: Post, table: ts.Table) -> None:
    """A view that is read again and again while the others go on, with nothing open in between."""
    view = hold(table)
    numbers = []
    for _ in range(3):
        numbers.append(post.oracle.check_state(view.scan().to_arrow()))
        table._core.cache.forget()
        post.pause(0.3)
    assert numbers == numbers[:1] * 3, "a view has changed"


def streamed(post: Post, table: ts.Table) -> None:
    """A slow reader of one scan."""
    batches = []
    for batch in table.scan().to_batches():
        batches.append(batch)
        table._core.cache.forget()
        post.pause(0.1)
    post.oracle.check_state(pa.Table.from_batches(batches, SCHEMA))


def looked_up(post: Post, table: ts.Table) -> None:
    """Keys of a view as a scan of it says, and of the newest snapshot."""
    view = hold(table)
    numbers = post.oracle.check_state(view.scan().to_arrow())
    writer = post.random.randrange(WRITERS)
    state = post.oracle.writers[writer].at(numbers[writer])
    keys = np.array(sorted(post.random.sample(range(KEYS), 50)))
    there = keys[state[keys] != ABSENT]
    found = view.get((keys + writer * SPACE).tolist())
    assert found.select(SCHEMA.names).equals(rows(there + writer * SPACE, state[there])), (
        "lookup and scan differ"
    )
    marker = table.get(writer * SPACE)
    assert (
        marker is None if numbers[writer] == ABSENT and marker is None else marker["stamp"] >= numbers[writer]
    )


def tagged(post: Post, table: ts.Table) -> None:
    """A tag, which others find after this process was killed."""
    name = f"scanner-{post.number}"
    if name in table.tags().column("name").to_pylist():
        check_tag(post, table, name)
        if post.random.random() < 0.5:
            return
        table.untag(name)
    try:
        table.tag(name)
    except ts.SnapshotExpiredError as error:
        raise Late(error) from error
    check_tag(post, table, name)


def check_tag(post: Post, table: ts.Table, name: str) -> None:
    """What a tag names can be read, and what has changed since."""
    numbers = post.oracle.check_state(table.at(tag=name).scan().to_arrow())
    post.oracle.check_difference(numbers, table.changes(name).to_arrow())


def hold(table: ts.Table) -> ts.View:
    """The newest snapshot."""
    try:
        return table.at(version=table.version)
    except ts.SnapshotExpiredError as error:
        raise Late(error) from error


ROLES: dict[str, Callable[[Post], None]] = {
    role.__name__: role for role in (write, expire, clean, follow, scan)
}


def main() -> None:
    role, table, number, life, output = sys.argv[1:]
    lease.LEASE_MILLIS, lease.RENEW_SECONDS = int(PIN_SECONDS * 1000), PIN_SECONDS / 5
    ROLES[role](Post(Path(table), int(number), int(life), Path(output)))


if __name__ == "__main__":
    main()
