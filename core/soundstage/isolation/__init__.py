"""Separators and metrics whose dependencies clash with ours: a Python file each, run in an environment of its own."""
