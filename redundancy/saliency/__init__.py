"""Pruning criteria: which units, and which weights, matter least."""
