# ruff: noqa: E501, RUF001 - tables of cases, a line each; characters that only look right on purpose
"""Vectors of spec chapter 15."""

from __future__ import annotations

from tablestore.conformance.cases.book import Book, with_byte
from tablestore.conformance.corpus import Case
from tablestore.reference.document import Json, write_envelope
from tablestore.reference.primitive import hash64

TABLE = "00112233445566778899aabbccddeeff"
LEASE = "ffeeddccbbaa99887766554433221100"
TIME = 1_700_000_000_000
FILES = {
    "boundary": "boundary-7.json",
    "tag": "tag-end%20of%20day.json",
    "consumer": "consumer-job-7.3.json",
    "lease": f"lease-{LEASE}.json",
}


def members(form: str, **change: object) -> Json:
    """A document of each form."""
    found: Json = {"format": f"tablestore/{form}", "major": 1, "minor": 0, "table": TABLE}
    parts: dict[str, Json] = {
        "boundary": {"id": 7, "timestamp_millis": TIME},
        "tag": {
            "name": "end of day",
            "snapshot": 5,
            "snapshot_digest": "fedcba9876543210",
            "timestamp_millis": TIME,
        },
        "consumer": {
            "name": "job-7",
            "number": 3,
            "next": 12,
            "position": 1000,
            "until": 0,
            "state": False,
            "timestamp_millis": TIME,
            "expires_millis": TIME + 86_400_000,
        },
        "lease": {
            "snapshot": 9,
            "holder": "host 4711",
            "timestamp_millis": TIME,
            "expires_millis": TIME + 300_000,
        },
    }
    return found | parts[form] | change


def _digest(text: str) -> str:
    return f"{hash64(text.encode()):016x}"


def cases() -> list[Case]:
    book = Book("retention")
    _documents(book)
    _names(book)
    _faults(book)
    _decisions(book)
    return book.cases


def _documents(book: Book) -> None:
    def add(show: str, about: str, form: str, file: str = "", **change: object) -> None:
        data = write_envelope(members(form, **change)).hex()
        given = {"form": form, "data": data, "file": file or FILES[form], "table": TABLE}
        book.valid(show, "15.2 15.3", about, "read", **given)

    add("boundary", "A boundary.", "boundary")
    add("tag", "A tag.", "tag")
    add("consumer", "A consumer.", "consumer")
    add("consumer-until", "A consumer in a net difference of several snapshots.", "consumer", until=17)
    add("consumer-until-next", "A net difference of one snapshot.", "consumer", until=12)
    add("consumer-state", "A consumer that is being given the rows of a snapshot.", "consumer", state=True)
    add("consumer-dropped", "A consumer that was dropped.", "consumer", expires_millis=0)
    add("lease", "A lease.", "lease")
    add("lease-no-holder", "A lease without a text about its holder.", "lease", holder="")
    add("consumer-dot", "A name that ends like a number.", "consumer", "consumer-a.5.3.json", name="a.5")
    add("tag-dot", "A name that begins with a dot.", "tag", "tag-%2E.json", name=".")
    add("tag-slash", "A name with a slash, and letters of two bytes.", "tag", "tag-%C3%A9%2F.json", name="é/")
    long = "é" * 127
    escaped = "%C3%A9" * 16 + "%h" + _digest("%C3%A9" * 127)
    add("tag-long", "A long name is cut in the file's name.", "tag", f"tag-{escaped}.json", name=long)


def _names(book: Book) -> None:
    names: dict[str, tuple[str, str, list[str] | None]] = {
        "boundary": ("boundary", "boundary-7.json", ["7"]),
        "boundary-zero": ("boundary", "boundary-0.json", None),
        "boundary-leading-zero": ("boundary", "boundary-07.json", None),
        "boundary-2-63": ("boundary", f"boundary-{2**63}.json", None),
        "boundary-greatest": ("boundary", f"boundary-{2**63 - 1}.json", [str(2**63 - 1)]),
        "boundary-other-digits": ("boundary", "boundary-٧.json", None),
        "boundary-temporary": ("boundary", ".0123456789abcdef01234567", None),
        "tag": ("tag", "tag-eod.json", ["eod"]),
        "tag-empty": ("tag", "tag-.json", None),
        "tag-dot": ("tag", "tag-..json", None),
        "tag-not-escaped": ("tag", "tag-é.json", None),
        "consumer": ("consumer", "consumer-job.7.12.json", ["job.7", "12"]),
        "consumer-no-number": ("consumer", "consumer-job.json", None),
        "consumer-zero": ("consumer", "consumer-job.0.json", None),
        "lease": ("lease", f"lease-{LEASE}.json", [LEASE]),
        "lease-upper-case": ("lease", f"lease-{LEASE.upper()}.json", None),
        "lease-short": ("lease", f"lease-{LEASE[1:]}.json", None),
        "lease-newline": ("lease", f"lease-{LEASE}.json\n", None),
    }
    for name, (form, file, output) in names.items():
        about = "A file name is one of its directory's pattern or is ignored."
        book.valid(f"name-{name}", "0.6 15.3", about, "name", form=form, file=file, output=output)


def _faults(book: Book) -> None:
    def refuse(
        name: str, about: str, code: str, form: str, data: bytes, section: str = "15.3", file: str = ""
    ) -> None:
        given = {"form": form, "data": data.hex(), "file": file or FILES[form], "table": TABLE}
        book.invalid(name, section, about, "read", code, **given)

    faults: dict[str, tuple[str, str, str, dict[str, object]]] = {
        "boundary-format": ("boundary", "The document is a tag.", "bad-retention", {"format": "tablestore/tag"}),
        "boundary-major-2": ("boundary", "Major version 2.", "unsupported-version", {"major": 2}),
        "boundary-table": ("boundary", "The boundary of another table.", "wrong-table", {"table": "0" * 32}),
        "boundary-id": ("boundary", "The id is not that of the file's name.", "bad-retention", {"id": 8}),
        "boundary-id-string": ("boundary", "An id that is a string.", "json-type", {"id": "7"}),
        "boundary-time": ("boundary", "A time after the year 9999.", "bad-retention", {"timestamp_millis": 253_402_300_800_000}),
        "tag-name": ("tag", "The name is not that of the file.", "bad-retention", {"name": "end of year"}),
        "tag-name-empty": ("tag", "An empty name.", "bad-retention", {"name": ""}),
        "tag-snapshot-0": ("tag", "Snapshot 0.", "bad-retention", {"snapshot": 0}),
        "tag-digest": ("tag", "A digest of 15 digits.", "bad-retention", {"snapshot_digest": "0" * 15}),
        "tag-digest-number": ("tag", "A digest that is a number.", "json-type", {"snapshot_digest": 1}),
        "consumer-name": ("consumer", "The name is not that of the file.", "bad-retention", {"name": "job-8"}),
        "consumer-number": ("consumer", "The number is not that of the file.", "bad-retention", {"number": 4}),
        "consumer-next-0": ("consumer", "Snapshot 0 comes next.", "bad-retention", {"next": 0}),
        "consumer-position": ("consumer", "A negative position.", "bad-retention", {"position": -1}),
        "consumer-state": ("consumer", "A state that is a number.", "json-type", {"state": 1}),
        "consumer-until": ("consumer", "A step that ends before it begins.", "bad-retention", {"until": 11}),
        "consumer-until-negative": ("consumer", "A negative end.", "bad-retention", {"until": -1}),
        "consumer-until-state": ("consumer", "Rows of a snapshot that would end at another.", "bad-retention", {"until": 12, "state": True}),
        "consumer-expires": ("consumer", "A time before the epoch.", "bad-retention", {"expires_millis": -1}),
        "lease-snapshot-2-63": ("lease", "Snapshot 2^63.", "bad-retention", {"snapshot": 2**63}),
        "lease-holder": ("lease", "A text of 256 bytes about the holder.", "bad-retention", {"holder": "é" * 128}),
        "lease-expires": ("lease", "A time after the year 9999.", "bad-retention", {"expires_millis": 253_402_300_800_000}),
    }  # fmt: skip
    for name, (form, about, code, change) in faults.items():
        section = "0.4" if code == "unsupported-version" else "15.3"
        refuse(name, about, code, form, write_envelope(members(form, **change)), section)
    name = "%C3%A9" * 16 + "%h" + _digest("%C3%A9" * 128)
    long = write_envelope(members("tag", name="é" * 128))
    refuse(
        "tag-name-256-bytes", "A name of 256 bytes.", "bad-retention", "tag", long, file=f"tag-{name}.json"
    )
    for form in FILES:
        good = members(form)
        for missing in [*good][4:]:
            rest = {key: value for key, value in good.items() if key != missing}
            about = f"Without {missing}."
            refuse(
                f"{form}-without-{missing.replace('_', '-')}",
                about,
                "json-missing",
                form,
                write_envelope(rest),
                "15.2",
            )
        data = write_envelope(good)
        refuse(f"{form}-cut", "The end is missing.", "truncated", form, data[:-1], "1.5")
        flipped = with_byte(data, 60, data[60] ^ 1)
        refuse(f"{form}-bit-flip", "One bit differs.", "checksum-mismatch", form, flipped, "1.5")


def _decisions(book: Book) -> None:
    def stays(name: str, about: str, output: list[int], boundary: int, **pins: object) -> None:
        given: Json = {"ids": [1, 2, 3, 4, 5, 6], "boundary": boundary, "pinned": [], "consumers": []}
        book.valid(f"retained-{name}", "15.4 15.5", about, "retained", output=output, **(given | pins))

    stays("all", "No boundary.", [1, 2, 3, 4, 5, 6], 0)
    stays("boundary", "Snapshots below the boundary are expired.", [4, 5, 6], 4)
    stays("tag", "A tag or a lease keeps its snapshot.", [2, 4, 5, 6], 4, pinned=[2])
    stays(
        "consumer",
        "A consumer keeps all from the one before its next.",
        [2, 3, 4, 5, 6],
        5,
        consumers=[[3, False]],
    )
    stays(
        "consumer-state",
        "A consumer that is given a snapshot's rows keeps all from it.",
        [3, 4, 5, 6],
        5,
        consumers=[[3, True]],
    )
    stays("two", "The least one counts.", [1, 3, 4, 5, 6], 5, pinned=[1], consumers=[[9, False], [4, False]])

    def finds(name: str, about: str, output: int | None, **given: object) -> None:
        book.valid(f"newest-{name}", "10.5 15.4", about, "newest", output=output, **given)

    finds("hint", "The hint is followed on.", 6, ids=[4, 5, 6], boundary=0, hint=4)
    finds("stale-hint", "A hint below the boundary is ignored.", 9, ids=[3, 8, 9], boundary=8, hint=3)
    finds(
        "recreated",
        "An id below the boundary that a stalled writer published again.",
        9,
        ids=[2, 3, 8, 9],
        boundary=8,
        hint=2,
    )
    finds("gap", "A snapshot that a tag keeps leads nowhere.", 9, ids=[3, 8, 9], boundary=8, hint=None)
    finds("none", "No snapshots, no hint, no boundary: no table.", None, ids=[], boundary=0, hint=None)
    about = "A boundary and no snapshot from it on."
    book.invalid(
        "newest-behind-boundary", "10.5 15.4", about, "newest", "lineage", ids=[3], boundary=8, hint=None
    )
    book.invalid(
        "newest-hint-alone",
        "10.5",
        "A hint and no snapshots.",
        "newest",
        "lineage",
        ids=[],
        boundary=0,
        hint=4,
    )

    live = {"1": ["a"], "2": ["a", "b"], "3": ["c"], "4": ["c", "d"], "5": ["a", "d"]}

    def deletes(name: str, about: str, output: list[str], boundary: int, **pins: object) -> None:
        given: Json = {"live": live, "boundary": boundary, "pinned": [], "consumers": []}
        book.valid(f"garbage-{name}", "15.6", about, "garbage", output=output, **(given | pins))

    deletes(
        "compacted",
        "A file that a compaction removed goes with the last snapshot that has it; one that a rollback brought back stays.",
        ["b"],
        3,
    )
    deletes("tagged", "A tag keeps the files of its snapshot.", [], 3, pinned=[2])
    deletes("all-but-one", "What no retained snapshot has.", ["b", "c"], 5)
    deletes("consumer", "A consumer keeps them, too.", [], 5, consumers=[[3, False]])

    def fences(name: str, about: str, output: int, **given: object) -> None:
        book.valid(f"fence-{name}", "15.7", about, "fence", output=output, **given)

    fences("new", "Greater than the base of each unused file.", 8, bases=[3, 7], limit=9, fence=0)
    fences("limit", "A file at the limit is left alone.", 4, bases=[3, 9], limit=9, fence=0)
    fences("kept", "The fence is there already.", 8, bases=[3], limit=9, fence=8)
    fences("none", "Nothing is unused.", 5, bases=[], limit=9, fence=5)
    for name, bases, fence, output in (
        ("above", [8, 9], 8, True),
        ("below", [9, 7], 8, False),
        ("no-files", [], 8, True),
        ("no-fence", [0], 0, True),
    ):
        about = "A writer compares the bases of its data files with the fence of the parent."
        book.valid(
            f"publish-{name}", "15.7 11.6", about, "may_publish", output=output, bases=bases, fence=fence
        )
    for name, id_, boundary, output in (
        ("line", 9, 9, True),
        ("recreated", 3, 9, False),
        ("no-boundary", 3, 0, True),
    ):
        about = "After publishing, a writer looks whether the id had expired."
        book.valid(
            f"published-{name}", "11.6 15.4", about, "is_in_line", output=output, id=id_, boundary=boundary
        )
