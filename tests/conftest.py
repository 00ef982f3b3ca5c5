"""Settings shared by all tests: hypothesis profiles, and long runs only when they are asked for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Where Python is told to leave no bytecode, every process that a test starts would compile the package anew.
if os.environ.pop("PYTHONDONTWRITEBYTECODE", ""):
    os.environ["PYTHONPYCACHEPREFIX"] = str(Path(__file__).resolve().parents[1] / "build" / "bytecode")

SOAK_SECONDS = int(os.environ.get("TABLESTORE_SOAK_SECONDS", "0"))

settings.register_profile(
    "suite",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
settings.register_profile("soak", settings.get_profile("suite"), derandomize=False)
settings.load_profile("soak" if SOAK_SECONDS else "suite")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Long runs want TABLESTORE_SOAK_SECONDS; `make soak` sets it."""
    if SOAK_SECONDS:
        return
    reason = pytest.mark.skip(reason="a long run: TABLESTORE_SOAK_SECONDS=900 or `make soak`")
    for item in items:
        if item.get_closest_marker("soak"):  # keywords have names of directories, too
            item.add_marker(reason)


@pytest.fixture(scope="session")
def soak_seconds() -> int:
    """Seconds that each long run may take."""
    return SOAK_SECONDS


@pytest.fixture
def table_path(tmp_path: Path) -> Path:
    """Where a test puts its table."""
    return tmp_path / "table"
