"""Shows what is in a table and in each of its files: `tablestore PATH`, or `python -m tablestore.inspect PATH`.

Exit codes are in status.py, formats in render.py and records.py; every command is one module, most return a Report.
"""
