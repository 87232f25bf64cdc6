"""Frameworks: each one's models read into the house's own kinds and weight names, and written back."""
