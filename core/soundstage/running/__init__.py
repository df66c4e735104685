"""A plan fills a results folder, here or on many machines; whatever goes wrong costs one cell.

May import: `planning`, `catalogue`, `isolation`, `pipeline`, `results`, the ground floor.
"""
