"""Soundstage's built-in datasets."""
