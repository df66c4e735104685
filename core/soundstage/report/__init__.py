"""A board or scores become something to read: terminal, Markdown, CSV, JSON, LaTeX, figures, HTML.

May import: `leaderboard`, `results`, the ground floor.
"""
