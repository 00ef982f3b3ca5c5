"""python -m tablestore.conformance.make_vectors [DIR]: write the vectors; the same bytes every time."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

from tablestore.conformance import corpus
from tablestore.conformance.cases import BUILDERS


def all_cases() -> list[corpus.Case]:
    """Every case of every noun. ValueError if two have one name."""
    cases = [case for build in BUILDERS for case in build()]
    repeated = [path for path, count in Counter(case.path for case in cases).items() if count > 1]
    if repeated:
        raise ValueError(f"repeated names: {repeated}")
    return cases


def main() -> None:
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else corpus.VECTORS
    cases = all_cases()
    corpus.write(cases, root)
    counts = Counter((case.noun, case.is_valid) for case in cases)
    for noun in sorted({case.noun for case in cases}):
        print(f"{noun}: {counts[noun, True]} valid, {counts[noun, False]} invalid")
    print(f"{len(cases)} vectors in all, {sum(not case.is_valid for case in cases)} invalid")


if __name__ == "__main__":
    main()
