"""One file per system; each runs as `python -m benchmarks.peers.<name>` inside its own environment."""
