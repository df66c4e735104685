"""A grid's words become cells with addresses, and which of them are still to be run; runs nothing.

May import: `catalogue`, `pipeline`, `results` (addresses and records), the ground floor.
"""
