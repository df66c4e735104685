"""Results become a board of numbers: averaged over shared scores, ranked, with published rows beside.

Reads results alone. May import: `results`, the ground floor.
"""
