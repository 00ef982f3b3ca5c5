"""Kernel figures per row: each case runs the native kernel and a numpy or pyarrow baseline in one session."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Figures = dict[str, dict[str, float]]
_FIGURES = pytest.StashKey[Figures]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_FIGURES] = {}


@pytest.fixture
def per_row(
    benchmark: Any, request: pytest.FixtureRequest
) -> Callable[[str, str, int, Callable[[], Any]], Any]:
    """`per_row(case, implementation, rows, call)` times `call` and returns its result."""

    def run(case: str, implementation: str, rows: int, call: Callable[[], Any]) -> Any:
        benchmark.group = case
        benchmark.name = implementation
        result = benchmark(call)
        if benchmark.stats is not None:  # absent under --benchmark-disable
            nanoseconds = benchmark.stats.stats.median * 1e9 / rows
            benchmark.extra_info["nanoseconds_per_row"] = nanoseconds
            request.config.stash[_FIGURES].setdefault(case, {})[implementation] = nanoseconds
        return result

    return run


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    figures = config.stash[_FIGURES]
    if not figures:
        return
    terminalreporter.section("nanoseconds per row (median)")
    width = max(len(case) for case in figures)
    for case, by_implementation in figures.items():
        native = by_implementation.get("native")
        cells = [f"{name} {value:.3g}" for name, value in by_implementation.items()]
        others = [value for name, value in by_implementation.items() if name != "native"]
        if native and others:
            cells.append(f"native / baseline {native / min(others):.2f}")
        terminalreporter.write_line(f"{case.ljust(width)}  " + "   ".join(cells))
