"""Others' files: taken in as claims, and given out.

May import: `results`, the ground floor.
"""
