"""Shows what is in a table and in each of its files: `tablestore PATH`, or `python -m tablestore.inspect PATH`.

Exit codes are in status.py, output formats in render.py; every command is one module that returns a Report.
"""
