"""The exit codes of the program that mean the same for every command."""

UNUSABLE = 2
"""The arguments, or what they name, cannot be used."""

MISTAKE = 70
"""This package has made a mistake; Python's own code would be 1, which means something else here."""

INTERRUPTED, PIPE_CLOSED = 130, 141
"""As shells give them, for SIGINT and SIGPIPE."""
