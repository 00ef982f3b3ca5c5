"""Data files that were changed and sealed again: right checksums, wrong contents (a hostile writer)."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import pytest

import tablestore as ts
from tablestore.reference.sst_writer import Edits
from tests.damage import bombs, forge, outcome
from tests.damage.forge import AT, DATA, HONEST, NAME, PRICE, ROWS, Forgery
from tests.damage.sst_cases import CASES, CONTENTS, bomb_chunk, chunk, entry, string_bomb


@pytest.mark.parametrize("name", CASES)
def test_forged_and_sealed(name: str) -> None:
    edits, codes = CASES[name]
    files = forge.table_of(Forgery(edits=edits))
    assert files[DATA] != HONEST[DATA]
    with outcome.MemoryWatch():
        if name not in CONTENTS:
            outcome.check(files, DATA, codes)
            return
        assert DATA in outcome.found_by_verify(files, codes)
        for act in outcome.READS.values():
            try:
                act(forge.open_files(files))
            except ts.TableStoreError as error:
                outcome.check_error(error, DATA, codes)


@pytest.mark.parametrize("name", CASES)
def test_forged_without_metadata(name: str) -> None:
    """The same files where the manifest still describes the honest one."""
    edits, _ = CASES[name]
    files = {**HONEST, DATA: forge.data_file(edits)}
    outcome.check(files, DATA)


@pytest.mark.parametrize("edits", [chunk(AT, bomb_chunk), chunk(NAME, string_bomb)], ids=["fixed", "text"])
def test_bomb_is_refused_at_once(edits: Edits) -> None:
    files = forge.table_of(Forgery(edits=edits))
    table = forge.open_files(files)
    with outcome.MemoryWatch():
        started = time.perf_counter()
        found = outcome.attempt("scan", lambda: forge.visible(table))
        elapsed = time.perf_counter() - started
    outcome.check_error(found.error, DATA, ("limit-exceeded", "bad-codec"))
    assert found.error is not None
    assert elapsed < 0.25, f"{elapsed:.3f} s"


SECTION_FRAMES = {
    "without size": bombs.without_size,
    "two frames": bombs.two_frames,
    "skippable": bombs.after_skippable,
    "dictionary": bombs.with_dictionary,
    "window": bombs.wide_window,
    "false size": bombs.false_size,
}


@pytest.mark.parametrize("section", ["properties", "directory"])
@pytest.mark.parametrize("frame", SECTION_FRAMES)
def test_frames_of_sections(section: str, frame: str) -> None:
    """Sections that are zstd frames of a kind that spec §4.3 does not allow."""
    files = forge.table_of(Forgery(data=lambda data: resection(data, section, SECTION_FRAMES[frame])))
    outcome.check(files, DATA, ("bad-codec", "size-mismatch", "limit-exceeded"))


@pytest.mark.parametrize("section", ["properties", "directory"])
def test_bombs_in_sections(section: str) -> None:
    files = forge.table_of(
        Forgery(data=lambda data: resection(data, section, lambda raw: bombs.zeros(1 << 30), 1 << 30))
    )
    with outcome.MemoryWatch():
        outcome.check(files, DATA, ("limit-exceeded",))


def resection(
    data: bytes, section: str, frame: Callable[[bytes], bytes], raw_size: int | None = None
) -> bytes:
    """The file with one section stored as `frame` of its raw bytes, sealed again."""
    found = forge.decode_data(data)
    numbers = found.footer
    kept: dict[str, bytes] = {}

    def take(name: str) -> Callable[[bytes], bytes]:
        def edit(raw: bytes) -> bytes:
            kept[name] = raw
            return raw

        return edit

    forge.data_file(Edits(properties_raw=take("properties"), directory_raw=take("directory")))
    stored = {
        name: data[numbers[f"{name}_offset"] :][: numbers[f"{name}_size"]]
        for name in ("properties", "directory")
    }
    stored[section] = frame(kept[section])
    claims = {section: len(kept[section]) if raw_size is None else raw_size}
    return forge.reseal(data, stored, claims)


def test_file_of_another_place() -> None:
    """M10, M11: a whole valid file under the name of another, and an older file of the same name."""
    older = forge.data_file(rows=[[*row[:3], "older", *row[4:]] for row in ROWS])
    outcome.check({**HONEST, DATA: older}, DATA, ("wrong-file", "truncated"))
    outcome.check({**HONEST, DATA: HONEST[forge.MANIFEST]}, DATA, ("wrong-file", "truncated"))


def test_filter_that_hides_keys() -> None:
    """M37: bits of one key are missing; lookups trust a sealed filter, verification does not."""
    half = Edits(filter=lambda f: f[:8] + bytes(4) + f[12:])
    files = forge.table_of(Forgery(edits=half))
    assert DATA in outcome.found_by_verify(files, ("bad-filter",))
    assert forge.visible(forge.open_files(files)) == forge.VISIBLE


@pytest.mark.parametrize("column", [NAME, AT, PRICE])
def test_statistics_that_lie(column: int) -> None:
    """Statistics within their form but not those of the values: only verification can tell."""
    files = forge.table_of(Forgery(edits=entry(column, 0, lambda e: replace(e, maximum=e.maximum + 1))))
    assert forge.visible(forge.open_files(files)) == forge.VISIBLE
    assert DATA in outcome.found_by_verify(files, ("bad-value",))
