"""changes(a, b) is the difference of two full scans, in random histories of random tables (spec §14.3 – §14.6)."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from tests.changes.histories import check_history

HISTORIES = 100
HISTORIES_SOAK = 10_000
GROUPS = 5
STEPS = 8


def check_histories(path: Path, first: int, last: int) -> None:
    for seed in range(first, last):
        check_history(path / str(seed), seed, STEPS)
        shutil.rmtree(path / str(seed))


@pytest.mark.parametrize("group", range(GROUPS))
def test_changes_of_random_histories(tmp_path: Path, group: int) -> None:
    share = HISTORIES // GROUPS
    check_histories(tmp_path, group * share, (group + 1) * share)


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_changes_of_ten_thousand_histories(tmp_path: Path) -> None:
    started = time.monotonic()
    check_histories(tmp_path, HISTORIES, HISTORIES + HISTORIES_SOAK)
    print(f"{HISTORIES_SOAK} histories in {time.monotonic() - started:.0f} s")
