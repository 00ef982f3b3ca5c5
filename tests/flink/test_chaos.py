"""Jobs whose processes are killed all the time lose nothing and write nothing twice.

TABLESTORE_FLINK_SOAK_ROWS=12000000 (`make flink-soak`) runs the long form: so many rows, and fifty kills.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.flink import chaos
from tests.flink.cluster import Cluster
from tests.flink.generated import Generated

SOAK_ROWS = int(os.environ.get("TABLESTORE_FLINK_SOAK_ROWS", "0"))
KILLS = 50 if SOAK_ROWS else len(chaos.KINDS)
SEED = 20


@pytest.mark.timeout(3600 if SOAK_ROWS else 600)
def test_everything_is_killed(cluster: Cluster, tmp_path: Path) -> None:
    gate = str(tmp_path / "gate")
    if SOAK_ROWS:
        stream = Generated(SOAK_ROWS, keys=1_200_000, rows_per_second=12_000, gate=gate)
    else:
        stream = Generated(360_000, keys=60_000, rows_per_second=2_000, gate=gate)
    pipeline = chaos.Pipeline(cluster, tmp_path, stream)
    try:
        figures = chaos.run(pipeline, KILLS, SEED)
        chaos.check(pipeline, figures)
        print(figures)
    finally:
        pipeline.follower.kill()
        pipeline.session.close()
