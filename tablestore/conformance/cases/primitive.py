"""Vectors of spec chapter 1 (and of the document limits of §0.5)."""

from __future__ import annotations

from tablestore.conformance.cases.book import Book, with_byte
from tablestore.conformance.corpus import Case
from tablestore.reference.document import write_envelope
from tablestore.reference.primitive import crc32c

FILE_ID = bytes(range(16)).hex()


def cases() -> list[Case]:
    book = Book("primitive")
    _checksums(book)
    _hashes(book)
    _documents(book)
    _bad_envelopes(book)
    _bad_json(book)
    return book.cases


def _checksums(book: Book) -> None:
    add = book.valid
    digits = b"123456789"
    add(
        "crc32c-check-value",
        "1.2",
        "The published check value.",
        "crc32c",
        data=digits.hex(),
        output="e3069283",
    )
    add("crc32c-empty", "1.2", "No bytes.", "crc32c", data="", output="00000000")
    zeros, ones, ascending = bytes(32), b"\xff" * 32, bytes(range(32))
    add(
        "crc32c-32-zeros",
        "1.2",
        "RFC 3720, B.4: 32 bytes of zeros.",
        "crc32c",
        data=zeros.hex(),
        output="8a9136aa",
    )
    add(
        "crc32c-32-ones",
        "1.2",
        "RFC 3720, B.4: 32 bytes of ones.",
        "crc32c",
        data=ones.hex(),
        output="62a8ab43",
    )
    add(
        "crc32c-ascending",
        "1.2",
        "RFC 3720, B.4: 00 to 1f.",
        "crc32c",
        data=ascending.hex(),
        output="46dd794e",
    )
    add("crc32c-descending", "1.2", "RFC 3720, B.4.", "crc32c", data=ascending[::-1].hex(), output="113fdb5c")
    place = {"file_id": FILE_ID, "stored": "00010203"}
    about = "The same bytes have another checksum in another place: "
    for name, column, block in (("first", 0, 0), ("next-block", 0, 1), ("next-column", 1, 0)):
        description = f"{about}column {column}, block {block}."
        add(f"context-crc-{name}", "1.2", description, "context_crc", column=column, block=block, **place)
    for name, block in (("directory", 1), ("properties", 2), ("filter", 3)):
        description = f"The checksum of a {name} section."
        add(f"context-crc-{name}", "1.2", description, "context_crc", column=0xFFFFFFFF, block=block, **place)


def _hashes(book: Book) -> None:
    published = {
        "": "ef46db3751d8e999",
        "a": "d24ec4f1a98c6e5b",
        "abc": "44bc2cf5ad770999",
        "Nobody inspects the spammish repetition": "fbcea83c8a378bf1",
    }
    for index, (text, digest) in enumerate(published.items()):
        description = f"XXH64 of {text!r} as published."
        book.valid(
            f"hash64-published-{index}", "1.3", description, "hash64", data=text.encode().hex(), output=digest
        )
    for size in (1, 3, 4, 5, 7, 8, 12, 15, 16, 31, 32, 33, 40, 63, 64, 65, 100):
        data = bytes((i * 37 + 11) % 256 for i in range(size))
        book.valid(
            f"hash64-{size}-bytes", "1.3", f"Stripes and tail of {size} bytes.", "hash64", data=data.hex()
        )


def _documents(book: Book) -> None:
    texts = {
        "empty": ("{}", "A document that holds its checksum alone."),
        "numbers": ('{"a":0,"b":-9223372036854775808,"c":18446744073709551615}', "The range of numbers."),
        "nested": ('{"a":[1,[],{},{"b":[null,true,false]}],"c":""}', "Indents, empty arrays and objects."),
        "escapes": ('{"a":"\\"\\\\\\b\\f\\n\\r\\t\\u0000\\u001f"}', "Strings escape only what they must."),
        "unicode": ('{"ключ":"東京 \U0001f600 \x7f/"}', "Other characters stay as UTF-8."),
    }
    for name, (text, description) in texts.items():
        book.valid(f"document-write-{name}", "1.5", description, "write_document", text=text)
        written = bytes.fromhex(str(book.cases[-1].output))
        book.valid(
            f"document-read-{name}", "1.5", description, "read_document", data=written.hex(), output=text
        )
    loose = seal(b'{"a" : 1 ,\r\n\t"b":["\\u00e9\\/\\ud83d\\ude00"],')
    expected = '{"a":1,"b":["é/😀"]}'
    about = "White space and escapes that no writer makes are read."
    book.valid("document-read-loose", "1.5", about, "read_document", data=loose.hex(), output=expected)
    deepest = '{"a":' + "[" * 31 + "]" * 31 + "}"
    about = "32 levels of nesting are allowed."
    book.valid("document-read-deepest", "0.5", about, "read_document", data=seal_members(deepest).hex())


def seal(text: bytes) -> bytes:
    """A document from the text before `"checksum"`, with a right checksum."""
    covered = text + b'"checksum": "'
    return covered + b'%08x"\n}\n' % crc32c(covered)


def seal_members(text: str) -> bytes:
    """A document from the compact text of an object that is not empty."""
    return seal(text.removesuffix("}").encode("utf-8", "surrogatepass") + b",\n  ")


def _bad_envelopes(book: Book) -> None:
    good = write_envelope({"id": 1})

    def add(name: str, description: str, code: str, data: bytes) -> None:
        book.invalid(f"document-{name}", "1.5", description, "read_document", code, data=data.hex())

    add("empty", "A file without bytes.", "truncated", b"")
    add("one-byte-short", "The last newline is missing.", "truncated", good[:-1])
    add("cut-in-half", "The second half is missing.", "truncated", good[: len(good) // 2])
    add("trailing-newline", "A newline too many at the end.", "truncated", good + b"\n")
    add(
        "two-documents",
        "Two documents in one file: the first is covered by no rule.",
        "json-syntax",
        seal(good),
    )
    add(
        "checksum-upper-case",
        "The digits are not lower-case.",
        "truncated",
        good[:-12] + b"ABCDEF01" + good[-4:],
    )
    add("checksum-wrong", "One digit differs.", "checksum-mismatch", with_byte(good, -5, good[-5] ^ 1))
    add(
        "checksum-zero",
        "A checksum of zeros is not absent.",
        "checksum-mismatch",
        good[:-12] + b"00000000" + good[-4:],
    )
    add("bit-flip", "One bit of the text differs.", "checksum-mismatch", with_byte(good, 10, good[10] ^ 1))
    add("leading-space", "The file does not begin with a brace.", "json-syntax", seal(b' {"id": 1, '))
    add("byte-order-mark", "A byte order mark.", "json-syntax", seal(b'\xef\xbb\xbf{"id": 1, '))
    add("utf-16", "Text in UTF-16.", "truncated", good.decode().encode("utf-16-le"))


def _bad_json(book: Book) -> None:
    faults = {
        "duplicate-key": ('{"a":1,"a":1}', "json-duplicate-key", "A repeated member."),
        "duplicate-key-nested": (
            '{"a":[{"b":1,"c":2,"b":1}]}',
            "json-duplicate-key",
            "Repeated further down.",
        ),
        "duplicate-key-escaped": (
            '{"a":1,"\\u0061":1}',
            "json-duplicate-key",
            "Equal after its escape is read.",
        ),
        "fraction": ('{"a":1.0}', "json-type", "A number with a fraction."),
        "exponent": ('{"a":1e3}', "json-type", "A number with an exponent."),
        "nan": ('{"a":NaN}', "json-type", "NaN is no value."),
        "infinity": ('{"a":-Infinity}', "json-type", "Infinity is no value."),
        "number-above-64-bits": ('{"a":18446744073709551616}', "limit-exceeded", "2^64."),
        "number-below-64-bits": ('{"a":-9223372036854775809}', "limit-exceeded", "-2^63 - 1."),
        "number-of-5000-digits": ('{"a":' + "9" * 5000 + "}", "limit-exceeded", "A number of 5,000 digits."),
        "leading-zero": ('{"a":01}', "json-syntax", "A number with a leading zero."),
        "plus-sign": ('{"a":+1}', "json-syntax", "A number with a plus sign."),
        "lone-surrogate": ('{"a":"\\ud800"}', "invalid-utf8", "Half of a surrogate pair."),
        "surrogates-swapped": ('{"a":"\\ude00\\ud83d"}', "invalid-utf8", "The low surrogate comes first."),
        "raw-surrogate": ('{"a":"\ud800"}', "invalid-utf8", "A surrogate as UTF-8 bytes."),
        "control-character": ('{"a":"\x1f"}', "json-syntax", "A control character without escape."),
        "unknown-escape": ('{"a":"\\x41"}', "json-syntax", "An escape that JSON does not have."),
        "short-escape": ('{"a":"\\u12"}', "json-syntax", "An escape of two digits."),
        "single-quotes": ("{'a':1}", "json-syntax", "Names in single quotes."),
        "comment": ('{"a":1/**/}', "json-syntax", "A comment."),
        "double-comma": ('{"a":1,,"b":2}', "json-syntax", "Two commas."),
        "no-colon": ('{"a" 1}', "json-syntax", "A member without a colon."),
        "word": ('{"a":True}', "json-syntax", "A word that is no JSON word."),
        "too-deep": ('{"a":' + "[" * 32 + "]" * 32 + "}", "limit-exceeded", "33 levels of nesting."),
        "far-too-deep": ('{"a":' + "[" * 20_000 + "}", "limit-exceeded", "20,000 levels that never close."),
    }
    for name, (text, code, description) in faults.items():
        sealed = seal_members(text)
        book.invalid(f"document-{name}", "1.5 0.5", description, "read_document", code, data=sealed.hex())
    overlong = seal(b'{"a":"\xc0\xaf", ')
    book.invalid(
        "document-overlong", "1.5", "An overlong form.", "read_document", "invalid-utf8", data=overlong.hex()
    )
