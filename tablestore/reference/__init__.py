"""The executable spec: plain Python, a module per chapter, no speed tricks; for inspection and tests."""
