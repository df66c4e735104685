"""Soundstage's built-in spatializers."""
