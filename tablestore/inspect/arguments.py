"""The command line: commands, options, help."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Final

from tablestore.inspect import status
from tablestore.inspect.records import FORMATS
from tablestore.version import __version__

_HELP: Final = {
    "summary": "what the path is and what is in it (the command when none is named)",
    "snapshots": "versions of a table, or everything about one",
    "files": "live data files of a table",
    "levels": "runs, files and rows of each level of each bucket",
    "tree": "picture of the sorted runs of each bucket over the key range",
    "schema": "columns, keys and options of a table or schema file",
    "manifest": "entries of one manifest",
    "sst": "parts, columns and blocks of one SST",
    "block": "chunks of one block of an SST, with --hex byte by byte",
    "cat": "merged rows of a table, or stored rows of one SST",
    "lookup": "the row of a key, with --trace the way to it",
    "explain": "what a scan would read and what it leaves out",
    "verify": "find damage in a table or one file",
    "changes": "rows that changed between two versions: by default in the last commit",
    "follow": "rows as they change, until Ctrl-C",
    "timeline": "what each snapshot did: commits, compactions, totals",
    "diff": "files, and with --rows rows, that differ between two versions",
    "tags": "names of snapshots",
    "consumers": "who follows the table, and how far they have come",
    "leases": "who reads which snapshot now",
    "metrics": "figures for monitoring, as Prometheus reads them",
}
COMMANDS: Final = tuple(_HELP)
_OF_VERSIONS: Final = (
    "summary", "files", "levels", "tree", "schema", "cat", "lookup", "explain", "verify", "timeline",
)  # fmt: skip
_OF_TABLES: Final = ("snapshots", "files", "levels", "tree", "lookup", "explain", "timeline")
_OF_HISTORY: Final = ("changes", "follow", "diff", "tags", "consumers", "leases", "metrics")


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line as attributes. Ends the process through SystemExit as argparse does."""
    return _parser().parse_args(_with_command(list(arguments)))


def _with_command(arguments: list[str]) -> list[str]:
    """`tablestore PATH` is `tablestore summary PATH`; options may stand before the command."""
    if not arguments or arguments[0] in (*COMMANDS, "-h", "--help", "--version"):
        return arguments
    if arguments[0].startswith("-"):
        place = next((index for index, word in enumerate(arguments) if word in COMMANDS), None)
        if place is not None:
            return [arguments[place], *arguments[:place], *arguments[place + 1 :]]
    return ["summary", *arguments]


def _parser() -> argparse.ArgumentParser:
    codes = "\n".join(f"  {code:>3}  {meaning}" for code, meaning in status.MEANINGS)
    parser = argparse.ArgumentParser(
        prog="tablestore",
        description="Look into a TableStore table, or into any one of its files, whole or damaged.",
        epilog=f"`tablestore PATH` finds out what PATH is and shows it.\n\nexit codes:\n{codes}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"tablestore {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    made = {name: _command(commands, name, text, codes) for name, text in _HELP.items()}
    made["summary"].add_argument("path", help="a table's directory, or any file of one")
    made["summary"].add_argument(
        "--count", action="store_true", help="count live rows however many there are"
    )
    for name in (*_OF_TABLES, *_OF_HISTORY):
        made[name].add_argument("path", metavar="DIR", help="a table's directory")
    made["snapshots"].add_argument("id", nargs="?", type=_count, help="show this version alone")
    made["files"].add_argument("--level", type=_count, help="files of this level alone")
    for name in ("files", "tree"):
        made[name].add_argument("--bucket", type=_count, help="this bucket alone")
    for name, help_text in (
        ("schema", "a table's directory or a schema file"),
        ("cat", "a table's directory or an SST"),
        ("verify", "a table's directory or any file of one"),
    ):
        made[name].add_argument("path", help=help_text)
    for name in ("manifest", "sst", "block"):
        made[name].add_argument("path", metavar="FILE", help="an SST, also without its table")
    made["block"].add_argument("number", metavar="N", type=_count, help="number of the block, from 0")
    made["block"].add_argument("--column", metavar="NAME", help="the chunk of this column alone")
    for name in ("sst", "block"):
        made[name].add_argument("--hex", action="store_true", help="every byte, with field and spec section")
    made["lookup"].add_argument(
        "keys", metavar="KEY", nargs="+",
        help="a key: its value; of several columns, values separated by commas or a JSON array",
    )  # fmt: skip
    made["lookup"].add_argument(
        "--trace", action="store_true", help="show the files, filters and blocks asked"
    )
    made["tree"].add_argument(
        "--html", metavar="OUT", help="write a page for a browser; `-`: standard output"
    )
    _rows(made)
    _history(made)
    made["verify"].add_argument("--deep", action="store_true", help="read every chunk as well")
    for name in _OF_VERSIONS:
        made[name].add_argument("--version", type=_count, metavar="N", help="the table at version N")
    return parser


def _rows(made: dict[str, argparse.ArgumentParser]) -> None:
    """What the commands that show rows have in common."""
    for name in ("cat", "explain", "changes", "follow"):
        made[name].add_argument("--columns", type=_names, metavar="A,B", help="these columns, in this order")
        made[name].add_argument(
            "--where", "--filter", dest="where", metavar="FILTER",
            help="such as \"age > 30 and city in ('Ulm', 'Bonn')\"",
        )  # fmt: skip
    for name in ("cat", "changes"):
        made[name].add_argument(
            "--limit", type=_limit, metavar="N", help="at most N rows, or `all`; 100 on a terminal"
        )
    made["timeline"].add_argument(
        "--limit", type=_limit, metavar="N", help="the newest N snapshots, or `all`; 50 on a terminal"
    )


def _history(made: dict[str, argparse.ArgumentParser]) -> None:
    """Options of the commands that compare snapshots."""
    moments = "a version, a tag, or a time such as 2026-01-31T12:00"
    made["changes"].add_argument("--since", metavar="A", help=f"{moments}; default: before the last commit")
    made["changes"].add_argument("--until", metavar="B", help=f"{moments}; default: the newest version")
    made["changes"].add_argument("--step", action="store_true", help="snapshot by snapshot, not net")
    made["follow"].add_argument(
        "--since", metavar="A", default="latest",
        help="latest (default), latest-full or earliest (rows first), a version or a time",
    )  # fmt: skip
    made["follow"].add_argument(
        "--consumer", metavar="NAME", help="save progress in the table under this name, and go on from there"
    )
    made["follow"].add_argument(
        "--net", action="store_true", help="all that is there at once, as one difference"
    )
    made["follow"].add_argument("--until", type=_count, metavar="N", help="end after version N")
    made["follow"].add_argument("--timeout", type=_seconds, metavar="S", help="end after S idle seconds")
    made["diff"].add_argument("first", metavar="A", help=moments)
    made["diff"].add_argument("second", metavar="B", help=moments)
    made["diff"].add_argument("--rows", action="store_true", help="also count rows, exactly")


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, text: str, codes: str
) -> argparse.ArgumentParser:
    """A command with the options that all have."""
    made = commands.add_parser(
        name,
        help=text,
        description=text[0].upper() + text[1:] + ".",
        epilog=f"exit codes:\n{codes}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--format", choices=FORMATS, default="table", help="how to print (default: table)")
    made.add_argument(
        "--json", action="store_const", const="json", dest="format", help="the same as --format json"
    )
    made.add_argument("--bytes", action="store_true", help="sizes as exact numbers of bytes")
    made.add_argument(
        "--color", choices=("auto", "always", "never"), default="auto", help="NO_COLOR counts, too"
    )
    made.add_argument("--ascii", action="store_true", help="pictures in ASCII")
    return made


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 19:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 on")
    return int(text)


def _seconds(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if not 0 <= found < 1e9:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds")
    return found


def _limit(text: str) -> int:
    """Rows to show; -1 for all of them."""
    return -1 if text == "all" else _count(text)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",")]
