"""Bounds of two networks at once: intervals forward, linear functions backward."""
