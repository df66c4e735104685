"""Probes: the references with one known thing done to them, in known steps. They measure metrics; see `probe`."""
