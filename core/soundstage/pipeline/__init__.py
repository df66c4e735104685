"""One cell as pure functions: load, place, spatialize, separate, score.

Every array and row is checked and every error names the plugin and the track. Knows no disk, catalogue or store.
May import: the ground floor.
"""
