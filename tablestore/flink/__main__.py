"""python -m tablestore.flink jar [--copy-to DIR]: the connector's jar of this version of the library."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from tablestore.errors import TableStoreError
from tablestore.flink.jar import copy_jar, jar_path


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tablestore.flink",
        description="The Flink SQL connector that belongs to this library.",
        epilog="Exit status: 0 done, 1 there is no jar or it cannot be copied, 2 wrong usage.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    jar = commands.add_parser("jar", help="print where the jar is, or copy it")
    jar.add_argument(
        "--copy-to", metavar="DIR", help="copy the jar into this folder, such as $FLINK_HOME/lib"
    )
    return parser.parse_args(given)


def main(given: Sequence[str] | None = None) -> int:
    """Run the command; the exit status."""
    options = arguments(given)
    try:
        print(jar_path() if options.copy_to is None else copy_jar(options.copy_to))
    except TableStoreError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
