"""A grid's scenes become a data set, written song by song; goes on where it stopped.

May import: `running`, `planning`, `catalogue`, `pipeline`, `results` (addresses), the ground floor.
"""
