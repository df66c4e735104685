"""What metrics are worth: how their measures respond to probes, and what is wrong with that, as cards.

Reads `results` alone: which separators are probes, and what measures claim, stands in the stored plan.
"""
