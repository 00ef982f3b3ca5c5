"""The version of this library, written into files it makes (spec §7.5)."""

__version__ = "0.1.0"
