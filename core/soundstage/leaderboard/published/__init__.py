"""Papers' tables, and how they stand beside one's own.

May import: `leaderboard`, `results`, the ground floor.
"""
