"""`soundstage train`: stems are mixed on the fly, a model is trained, validated as the benchmark scores, and kept.

May import what the benchmark's own verbs do: of core the catalogue, planning and pipeline, and the command line's
display. Nothing here knows results, boards or reports.
"""
