"""Builds the Cython kernels in tablestore/_native; everything else is in pyproject.toml.

TABLESTORE_DEBUG=1 turns bounds checks and assertions on, TABLESTORE_SANITIZE=1 builds with ASan and UBSan.
"""

import os
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

DEBUG = os.environ.get("TABLESTORE_DEBUG") == "1"
SANITIZE = os.environ.get("TABLESTORE_SANITIZE") == "1"

compile_args = [
    "-O3",
    "-fno-math-errno",
    "-fwrapv",
    "-fno-strict-aliasing",
    "-ffp-contract=off",
    "-Wno-unused-function",
]
link_args: list[str] = []
if DEBUG:
    compile_args = ["-O1", "-g", "-fwrapv", "-fno-strict-aliasing"]
if SANITIZE:
    compile_args += ["-fsanitize=address,undefined", "-fno-omit-frame-pointer", "-g"]
    link_args += ["-fsanitize=address,undefined"]

directives = {
    "language_level": 3,
    "boundscheck": DEBUG,
    "wraparound": False,
    "cdivision": not DEBUG,
    "initializedcheck": DEBUG,
    "embedsignature": True,
    "freethreading_compatible": False,
}

headers = [str(path) for path in Path("tablestore/_native").glob("*.h")]
extensions = [
    Extension(
        f"tablestore._native.{path.stem}",
        [str(path)],
        depends=headers,
        include_dirs=["tablestore/_native"],
        extra_compile_args=compile_args,
        extra_link_args=link_args,
    )
    for path in sorted(Path("tablestore/_native").glob("*.pyx"))
]

setup(ext_modules=cythonize(extensions, compiler_directives=directives, nthreads=2))
