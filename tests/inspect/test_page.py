"""The page of `tree --html`: its data are those of the table, nothing is loaded, and a browser draws it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

import tablestore as ts
from tablestore.inspect import page as pages
from tablestore.inspect import status
from tests.inspect.conftest import OPTIONS, USERS, Run, users

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def data_of(page: str) -> dict[str, Any]:
    (line,) = re.findall(r"^const DATA = (.*);$", page, re.MULTILINE)
    found = json.loads(line)
    assert isinstance(found, dict)
    return found


def test_boxes_are_the_files(tables: Path, run: Run) -> None:
    outcome = run("tree", "users", "--html", "out.html")
    assert (outcome.status, outcome.out) == (status.OK, "")
    assert "wrote out.html" in outcome.err
    data = data_of(Path("out.html").read_text(encoding="utf-8"))
    files = {row["file"]: row for row in ts.open_table("users").files().to_pylist()}
    boxes = {
        box["file"]: (bucket["name"], run["level"], box)
        for bucket in data["buckets"]
        for run in bucket["runs"]
        for box in run["boxes"]
    }
    assert boxes.keys() == files.keys()
    for name, (bucket, level, box) in boxes.items():
        row = files[name]
        assert (bucket, level) == (f"bucket {row['bucket']}", row["level"])
        assert (box["bytes"], box["rows"], box["files"]) == (row["bytes"], row["row_count"], 1)
        assert 0 <= box["start"] <= box["stop"] <= 1
    assert [commit["version"] for commit in data["commits"]] == list(range(1, 8))
    assert [run["level"] for run in data["buckets"][0]["runs"]] == [0, 0, 0, 3]


def test_standard_output_versions_and_buckets(tables: Path, run: Run) -> None:
    data = data_of(run("tree", "users", "--html", "-", "--version", 2, "--bucket", 1).out)
    assert (data["version"], [bucket["name"] for bucket in data["buckets"]]) == (2, ["bucket 1"])
    assert len(data["commits"]) == 2


def test_neighbours_share_a_box_where_files_are_many(
    tables: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "_BOXES_MAX", 1)
    data = data_of(run("tree", "users", "--html", "-", "--bucket", 0).out)
    (box,) = data["buckets"][0]["runs"][-1]["boxes"]
    assert (box["files"], box["rows"], box["low"], box["high"]) == (2, 574, "2", "2398")
    assert box["start"] < 0.001
    assert abs(box["stop"] - 2398 / 7777) < 0.001  # the bucket's keys are 1 to 7777


def test_nothing_is_loaded_and_text_is_no_markup(tables: Path, run: Run) -> None:
    Path("orders").rename("<script><b>")
    page = run("tree", "<script><b>", "--html", "-").out
    assert (page.count("<script>"), page.count("<b>")) == (1, 0)
    assert data_of(page)["table"] == "<script><b>"
    assert "default-src 'none'" in page
    addresses = re.findall(r"(?:https?:)?//[a-z][^\s\"']*", page)
    assert set(addresses) == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"<(?:link|img|iframe)|\bsrc=|@import|url\(|fetch\(", page)


def test_a_place_that_cannot_be_written_to(tables: Path, run: Run) -> None:
    assert run("tree", "users", "--html", "missing/out.html").status == status.STORAGE


def test_damage_is_told_and_the_page_is_there(tables: Path, run: Run) -> None:
    Path("users", "snapshot", "snapshot-3.json").write_text("{}")
    outcome = run("tree", "users", "--html", "out.html")
    assert outcome.status == status.FINDING
    assert "snapshot-3.json" in outcome.err
    assert len(data_of(Path("out.html").read_text(encoding="utf-8"))["commits"]) == 6


@pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine")
@pytest.mark.parametrize(("buckets", "size"), [(1, "large"), (20, "medium"), (200, "small")])
def test_a_browser_draws_it(buckets: int, size: str, tables: Path, run: Run) -> None:
    table = ts.create_table("drawn", USERS, primary_key="id", buckets=buckets, options=OPTIONS)
    table.upsert(users(list(range(20 * buckets)), 1))
    table.upsert(users(list(range(0, 20 * buckets, 3)), 2))
    run("tree", "drawn", "--html", "out.html")
    boxes = len(table.files())
    profile = f"--user-data-dir={tables / 'profile'}"
    command = [str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", profile, "--dump-dom"]
    done = subprocess.run(
        [*command, (tables / "out.html").as_uri()], capture_output=True, text=True, timeout=120, check=True
    )
    body = done.stdout[: done.stdout.index("<script>")]
    assert f'<div id="buckets" class="{size}"' in body
    assert body.count('class="card"') == buckets
    assert body.count("var(--L0)") == boxes + 1  # and the legend
    assert body.count("<g>") == 3
