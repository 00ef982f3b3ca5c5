"""SQL through Flink's SQL gateway: what the SQL client speaks, too."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from tests.flink.rest import call

Row = tuple[Any, ...]
KINDS = {"INSERT": "+I", "UPDATE_BEFORE": "-U", "UPDATE_AFTER": "+U", "DELETE": "-D"}


def statements(script: str) -> list[str]:
    """The statements of a script, which end with a semicolon at the end of a line."""
    lines = [line for line in script.splitlines() if not line.lstrip().startswith("--")]
    parts = ("\n".join(lines) + "\n").split(";\n")
    return [part.strip() for part in parts if part.strip()]


class Result:
    """What a statement gives: rows for a query, a job's id for an INSERT."""

    def __init__(self, session: Session, operation: str) -> None:
        self._session = session
        self._url = f"{session.url}/operations/{operation}"
        self._next: str | None = f"{self._url}/result/0?rowFormat=JSON"
        self.job = ""

    def _pages(self) -> Iterator[list[dict[str, Any]] | None]:
        """Pages of rows; None where the next one is not there yet."""
        while self._next:
            answer = call("GET", self._next)
            self.job = answer.get("jobID") or self.job
            uri = answer.get("nextResultUri")
            self._next = f"{self._session.server}{uri}" if uri else None
            if answer["resultType"] == "NOT_READY":
                yield None
            else:
                yield answer["results"]["data"]

    def rows(self, count: int | None = None, seconds: float = 120.0) -> list[tuple[str, Row]]:
        """The next `count` rows with their kinds, or all until the query ends."""
        found: list[tuple[str, Row]] = []
        end = time.monotonic() + seconds
        for page in self._pages():
            for row in page or ():
                found.append((KINDS[row["kind"]], tuple(row["fields"])))
            if count is not None and len(found) >= count:
                return found
            if time.monotonic() > end:
                raise TimeoutError(f"{len(found)} rows within {seconds:.0f} s, not {count}: {found[:20]}")
            if not page:
                time.sleep(0.05)
        if count is not None and len(found) < count:
            raise AssertionError(f"the query ended after {len(found)} rows, not {count}: {found[:20]}")
        return found

    def close(self) -> None:
        """End a query that would go on for ever, with its job."""
        call("DELETE", f"{self._url}/close")


class Session:
    """One session of the gateway: tables and settings live as long as it."""

    def __init__(self, server: str, settings: dict[str, str] | None = None) -> None:
        self.server = server
        answer = call("POST", f"{server}/v2/sessions", {"properties": settings or {}})
        self.url = f"{server}/v2/sessions/{answer['sessionHandle']}"

    def start(self, statement: str) -> Result:
        """Run a statement; a query's rows and an INSERT's job come with the result."""
        answer = call("POST", f"{self.url}/statements", {"statement": statement})
        return Result(self, answer["operationHandle"])

    def execute(self, statement: str, seconds: float = 120.0) -> list[Row]:
        """Run a statement to its end: DDL, SET, or a query that ends."""
        return [row for _, row in self.start(statement).rows(seconds=seconds)]

    def submit(self, statement: str) -> str:
        """Start the job of an INSERT; its id."""
        result = self.start(statement)
        result.rows()
        assert result.job, f"no job came of {statement}"
        return result.job

    def set(self, **settings: str) -> None:
        """Settings of this session: dots of the names are underscores, dashes stay as they are in `options`."""
        for name, value in settings.items():
            self.option(name.replace("_", "."), value)

    def option(self, name: str, value: str) -> None:
        """One setting of this session."""
        self.execute(f"SET '{name}' = '{value}'")

    def close(self) -> None:
        """Leave; jobs stay."""
        call("DELETE", self.url)
