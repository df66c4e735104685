"""A results folder: cells kept whole or not at all, one writer and many readers, given back as tables.

Takes in and gives out others' files. Knows no plugin. May import: the ground floor.
"""
