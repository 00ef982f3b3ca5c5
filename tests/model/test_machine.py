"""Runs the state machine: a fixed set of runs in the suite, random ones for as long as `make soak` allows."""

from __future__ import annotations

import time

import pytest
from hypothesis import Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.machine import TableMachine


def test_table_behaves_like_a_dict() -> None:
    chosen = settings(
        max_examples=45, stateful_step_count=25, phases=[Phase.generate], report_multiple_bugs=False
    )
    run_state_machine_as_test(TableMachine, settings=chosen)


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_table_behaves_like_a_dict_for_long(soak_seconds: int) -> None:
    deadline = time.monotonic() + soak_seconds
    rounds = 0
    while time.monotonic() < deadline:
        start = time.time_ns() % 2**32
        print(f"seed {start}", flush=True)
        machine = seed(start)(type("TableMachine", (TableMachine,), {}))
        chosen = settings(
            max_examples=40, stateful_step_count=50, phases=[Phase.generate], report_multiple_bugs=False
        )
        run_state_machine_as_test(machine, settings=chosen)
        rounds += 1
    assert rounds
