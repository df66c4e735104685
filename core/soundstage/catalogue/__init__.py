"""What there is by name, what each lacks here, and how to get it; imports a plugin only when it is built.

May import: `isolation` and the ground floor.
"""
