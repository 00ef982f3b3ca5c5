"""TableStore: LSM tables for streaming upserts in plain files. The format is in spec/."""

__version__ = "0.1.0"
