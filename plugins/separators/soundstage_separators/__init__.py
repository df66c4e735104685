"""Soundstage's built-in separators."""
