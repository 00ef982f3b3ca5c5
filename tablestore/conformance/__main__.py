"""python -m tablestore.conformance: run the vectors of the specification.

Exit status: 0 all passed, 1 failures, 2 wrong usage or no vectors.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from tablestore.conformance import corpus, reference_adapter
from tablestore.conformance.foreign import Foreign, ProtocolError
from tablestore.conformance.runner import Implementation, Result, from_function, run_all

PASSED, FAILED, USAGE = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        cases = corpus.load(options.vectors, options.only)
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return USAGE
    status = PASSED
    with ExitStack() as stack:
        try:
            for name, implementation in _implementations(options.impl, stack).items():
                is_own = name != options.impl
                results = run_all(cases, implementation, check_offsets=name == "reference")
                status = max(status, _report(name, results, is_own or options.allow_unsupported))
        except (ProtocolError, OSError) as error:
            print(f"error: {error}", file=sys.stderr)
            return FAILED
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tablestore.conformance",
        description="Run the vectors of the TableStore specification.",
    )
    parser.add_argument("--impl", metavar="CMD", help="command of another implementation (line protocol)")
    parser.add_argument("--only", metavar="NOUN", action="append", default=[], help="only vectors of a noun")
    parser.add_argument(
        "--vectors", metavar="DIR", type=Path, default=corpus.VECTORS, help="folder of vectors"
    )
    parser.add_argument(
        "--allow-unsupported",
        action="store_true",
        help="do not count operations as failures that the other implementation says it does not have",
    )
    return parser


def _implementations(command: str | None, stack: ExitStack) -> dict[str, Implementation]:
    """What is tested: the other implementation, or the reference and, if it is built, the native code."""
    if command is not None:
        return {command: stack.enter_context(Foreign(command))}
    found = {"reference": from_function(reference_adapter.answer)}
    try:
        import tablestore.conformance.native_adapter as native_adapter
    except ImportError as error:
        print(f"native: not built ({error})", file=sys.stderr)
    else:
        found["native"] = from_function(native_adapter.answer)
    return found


def _report(name: str, results: Sequence[Result], allow_unsupported: bool) -> int:
    """Print failures and counts; the exit status."""
    counts = Counter(result.status for result in results)
    for result in results:
        if result.problem:
            print(f"{name}: {result.case.path}: {result.problem}")
    print(
        f"{name}: "
        + ", ".join(f"{counts[status]} {status}" for status in ("passed", "failed", "unsupported"))
    )
    failed = counts["failed"] > 0 or counts["passed"] == 0
    return FAILED if failed or (counts["unsupported"] and not allow_unsupported) else PASSED


if __name__ == "__main__":
    sys.exit(main())
