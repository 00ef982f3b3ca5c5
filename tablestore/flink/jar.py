"""The connector's jar, which is part of the installed package: where it is, and a copy of it where Flink looks."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import Final

from tablestore.errors import ConnectorError
from tablestore.storage import LocalStorage, NotFoundError
from tablestore.version import __version__

NAME: Final = f"tablestore-flink-{__version__}.jar"
_ANY_VERSION: Final = re.compile(r"tablestore-flink-.*\.jar")
_BYTES_MAX: Final = 64 << 20


def jar_path() -> str:
    """The path of the jar that belongs to this version of the library.

    Raises ConnectorError if it has not been built, which is so in a checkout and not in a wheel.
    """
    folder = str(files("tablestore.flink").joinpath("jars"))
    try:
        found = LocalStorage(folder).exists(NAME)
    except NotFoundError:
        found = False
    if not found:
        raise ConnectorError(
            f"the connector's jar {folder}/{NAME} has not been built: run `make flink` in the checkout "
            "(it needs a JDK 17 and Maven), or install the package from a wheel, which has it",
            code="",
        )
    return f"{folder}/{NAME}"


def copy_jar(folder: str) -> str:
    """Copy the jar into a folder, such as the `lib` of Flink, in one step; the path of the copy.

    Raises ConnectorError if the folder is not there, or holds the jar of another version, StorageError.
    """
    source = jar_path()
    target = LocalStorage(folder)
    try:
        names = target.list("")
    except NotFoundError:
        raise ConnectorError(f"{folder} is not a folder: name the lib folder of Flink", code="") from None
    others = sorted(name for name in names if _ANY_VERSION.fullmatch(name) and name != NAME)
    if others:
        raise ConnectorError(
            f"{folder} holds the connector of another version: {', '.join(others)}. "
            "Flink would load both: remove it first",
            code="",
        )
    data = LocalStorage(source[: -len(NAME) - 1]).read(NAME, _BYTES_MAX)
    target.replace(NAME, data)
    return f"{folder.rstrip('/') or ''}/{NAME}"
