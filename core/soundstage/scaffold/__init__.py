"""Where authors of plugins begin: a whole distribution, or a script, that works before a line of it is changed.

Knows the catalogue, for the names that are taken, and the ground floor; what it writes are the files in `templates/`.
"""
