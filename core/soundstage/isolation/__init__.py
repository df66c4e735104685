"""Separators whose dependencies clash with ours: one Python file each, run in an environment of its own."""
