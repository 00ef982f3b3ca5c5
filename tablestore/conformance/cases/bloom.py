"""Vectors of spec chapter 6."""

from __future__ import annotations

import struct

from tablestore.conformance.cases.book import Book, with_byte
from tablestore.conformance.corpus import Case
from tablestore.reference import bloom
from tablestore.reference.primitive import hash64


def hashes(count: int, first: int = 0) -> list[int]:
    return [hash64(struct.pack(">Q", number + 2**63)) for number in range(first, first + count)]


def digits(numbers: list[int]) -> list[str]:
    return [f"{number:016x}" for number in numbers]


def cases() -> list[Case]:
    book = Book("bloom")
    for count, bits in ((1, 12), (21, 12), (22, 12), (200, 6), (200, 16), (43, 6), (1, 1)):
        about = f"{count} keys with {bits} bits a key."
        given = {"hashes": digits(hashes(count)), "bits_per_key": bits}
        book.valid(f"build-{count}-keys-{bits}-bits", "6.3 6.4", about, "build", **given)
    about = "A key that is inserted twice changes the count alone."
    book.valid("build-repeated", "6.4", about, "build", hashes=digits(hashes(1) * 2), bits_per_key=8)
    edges = [0, 1, 2**32 - 1, 2**32, 2**63, 2**64 - 1]
    about = "Hashes at the edges of both halves."
    book.valid("build-edges", "6.3", about, "build", hashes=digits(edges), bits_per_key=100)
    section = bloom.build(hashes(500), 10)
    about = "Every key that was inserted may be present."
    given_1 = {"data": section.hex(), "hashes": digits(hashes(500))}
    book.valid("probe-inserted", "6.3", about, "probe", **given_1, output=[True] * 500)
    about = "Other keys: false answers are right, true ones are the filter's error."
    book.valid("probe-others", "6.3", about, "probe", data=section.hex(), hashes=digits(hashes(500, 10_000)))
    full = struct.pack("<II", 1, 1) + b"\xff" * 32
    book.valid("probe-full", "6.3", "All bits are set.", "probe", data=full.hex(), hashes=digits(edges))
    _faults(book)
    return book.cases


def _faults(book: Book) -> None:
    section = bloom.build(hashes(30), 12)
    faults = {
        "empty": ("No bytes.", b""),
        "head-cut": ("Seven bytes of a head.", section[:7]),
        "no-blocks": ("No filter blocks.", struct.pack("<II", 0, 30)),
        "blocks-less": ("Less blocks than bytes.", with_byte(section, 0, 1)),
        "blocks-more": ("More blocks than bytes.", with_byte(section, 0, 3)),
        "blocks-2^27": ("A number of blocks whose size is 2^32.", struct.pack("<II", 2**27, 1)),
        "cut": ("The last byte is missing.", section[:-1]),
        "left-over": ("A byte too many.", section + b"\0"),
        "all-zero": ("No bit is set, which would hide every row.", section[:8] + bytes(len(section) - 8)),
    }
    for name, (about, data) in faults.items():
        given = {"data": data.hex(), "hashes": digits(hashes(1))}
        book.invalid(name.replace("^", "-"), "6.2 6.5", about, "probe", "bad-filter", **given)
