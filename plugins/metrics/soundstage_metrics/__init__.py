"""Soundstage's built-in metrics."""
