"""A board or scores become something to read: terminal, Markdown, CSV, JSON, LaTeX, a paper's parts.

May import: `leaderboard`, `results`, the ground floor.
"""
