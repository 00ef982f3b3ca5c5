"""Options (spec §8.4): a closed list, typed and in range; stored ones never stop a reader."""

from __future__ import annotations

import pytest

from tablestore.errors import SchemaError
from tablestore.options import CALLER_OPTIONS, TableOptions


def test_defaults_are_those_of_the_spec_and_store_nothing() -> None:
    options, rest = TableOptions.parse({})
    assert (options.compaction, options.compaction_trigger, options.compaction_stop) == ("auto", 8, 16)
    assert (options.size_ratio_percent, options.max_space_amplification_percent) == (1, 50)
    assert (options.target_file_bytes, options.block_rows, options.block_bytes) == (1 << 26, 8192, 1 << 20)
    assert (options.compression, options.level, options.durable) == ("zstd", 1, True)
    assert [options.filter_bits(level) for level in range(4)] == [12, 12, 12, 6]
    assert options.to_json() == {}
    assert rest == {}


def test_values_may_be_text_or_integers_and_survive_storing() -> None:
    given: dict[str, str | int] = {
        "compaction": "manual",
        "compaction.trigger": 4,
        "compaction.stop": "9",
        "block-rows": "65536",
        "compression": "none",
        "compression-level": 19,
        "filter-bits-per-key.last-level": 0,
        "durability": "none",
    }
    options, _ = TableOptions.parse(given)
    assert options.to_json() == {name: str(value) for name, value in given.items()}
    assert TableOptions.stored(options.to_json()) == options
    assert options.level == 0
    assert not options.durable


def test_options_of_the_call_are_handed_back() -> None:
    given = dict.fromkeys(CALLER_OPTIONS, "x")
    options, rest = TableOptions.parse({**given, "block-rows": 100})
    assert rest == given
    assert options.to_json() == {"block-rows": "100"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("block-rows", 0), ("block-rows", 65_537), ("block-rows", -1), ("block-rows", "1e3"), ("block-rows", " 8"),
        ("block-rows", "\u0663"), ("block-rows", True), ("block-rows", 10.0), ("block-rows", None),
        ("block-rows", "9" * 5_000),
        ("compression", "lz4"), ("compression", 1), ("compression-level", 20), ("durability", "FULL"),
        ("compaction.trigger", 1), ("target-file-bytes", 0),
    ],
)  # fmt: skip
def test_bad_values_are_refused_with_what_is_valid(name: str, value: object) -> None:
    with pytest.raises(SchemaError, match="must be") as caught:
        TableOptions.parse({name: value})  # type: ignore[dict-item]
    assert name in str(caught.value)


def test_unknown_options_are_refused_with_the_list() -> None:
    with pytest.raises(SchemaError, match=r"'codec-class'.*block-rows"):
        TableOptions.parse({"codec-class": "os.system"})


def test_the_stop_may_not_be_below_the_trigger() -> None:
    with pytest.raises(SchemaError, match=r"compaction\.stop"):
        TableOptions.parse({"compaction.trigger": 20})


def test_stored_options_that_do_not_fit_stop_writers_only() -> None:
    stored = {"block-rows": "-5", "from-the-future": "x", "compression": "none"}
    options = TableOptions.stored(stored)
    assert options.block_rows == 8192
    assert options.compression == "none"
    assert options.to_json() == stored
    with pytest.raises(SchemaError, match="block-rows"):
        options.check_writable()
    TableOptions.stored({"from-the-future": "x"}).check_writable()
