"""Showing what was found: records of verdicts, and what they look like."""
