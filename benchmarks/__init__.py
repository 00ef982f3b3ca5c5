"""Measurements: kernels (`bench_<noun>.py`) and the comparison with other systems (`compare.py`)."""
