"""Figures for papers, in one style that the colour-blind can read; the same to the bit whenever they are drawn."""
