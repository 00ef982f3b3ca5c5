"""One cluster for the tests of this folder that want one. Without a JDK and Maven they are skipped, and say so."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flink import distribution, jars
from tests.flink.cluster import Cluster
from tests.flink.sql import Session

# What tests wait for comes soon: rows of a SELECT with a checkpoint, the state of a job as it was this long ago.
PROMPT = {
    "execution.checkpointing.interval": "400 ms",
    "restart-strategy.fixed-delay.delay": "200 ms",
    "web.refresh-interval": "100",
    "metrics.fetcher.update-interval": "500",
    "high-availability.zookeeper.client.session-timeout": "6000",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark who uses the cluster, so that the others can run beside."""
    for item in items:
        if Path(__file__).parent not in item.path.parents:
            continue
        used = getattr(item, "fixturenames", ())
        item.add_marker(pytest.mark.cluster if "shared_cluster" in used else pytest.mark.without_cluster)


@pytest.fixture(scope="session")
def flink() -> str:
    """The version of Flink to test with. TABLESTORE_REQUIRE_FLINK=1 makes its absence a failure."""
    reason = distribution.missing()
    if reason and os.environ.get("TABLESTORE_REQUIRE_FLINK") == "1":
        pytest.fail(f"Flink tests must run, but there is {reason}")
    if reason:
        pytest.skip(f"Flink tests need a JDK and Maven: {reason}")
    return distribution.VERSION


@pytest.fixture(scope="session")
def connector_jar(flink: str) -> Path:
    """The connector as it is delivered."""
    return jars.connector()


@pytest.fixture(scope="session")
def testing_jar(flink: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The generator of rows, as a connector of its own."""
    return jars.testing(tmp_path_factory.mktemp("testing"))


@pytest.fixture(scope="session")
def shared_cluster(
    connector_jar: Path, testing_jar: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster]:
    """A standalone cluster with two TaskManagers, the connector's jar copied to its `lib/`."""
    folder = tmp_path_factory.mktemp("cluster")
    quick = ["-XX:TieredStopAtLevel=1"]  # short tests start many tasks and run none for long
    cluster = Cluster(folder, [connector_jar, testing_jar], settings=PROMPT, java_options=quick)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture
def cluster(shared_cluster: Cluster) -> Iterator[Cluster]:
    """The cluster with all its processes alive and no job; a test may kill what it likes."""
    for process in shared_cluster.processes:
        if not process.is_alive:
            process.start()
    shared_cluster.wait_for_slots()
    yield shared_cluster
    shared_cluster.cancel_all()


@pytest.fixture
def session(cluster: Cluster) -> Iterator[Session]:
    """A new SQL session on the cluster."""
    session = cluster.session()
    yield session
    session.close()
