"""What can go wrong, said in one line: what, why, and what to do."""

from __future__ import annotations

import sys
import warnings


class RedundancyError(Exception):
    """The base of every error that this package raises on purpose.

    Its text is one line that a person can act on; the command line prints it as it is, without a traceback.
    """


class NetworkError(RedundancyError):
    """A network, or a change to one, that is not well formed."""


class DataError(RedundancyError):
    """A data set that is missing, unreadable or not what it has to be."""


class RecipeError(RedundancyError):
    """A recipe that nothing can be trained from."""


class ClusterError(RedundancyError):
    """Processes or machines that were to train, and cannot be reached, are not like this one, or are gone."""


class UnsupportedError(RedundancyError):
    """A model or an operation that this package does not handle, and therefore refuses."""


class OptionError(RedundancyError):
    """An option with a value that it cannot take."""


class TooMuchError(OptionError):
    """More of a model was to go than can."""


class VerificationError(RedundancyError):
    """A rewritten model that does not compute what the original does: a mistake of this package, not of its user."""


class ModelFileError(RedundancyError):
    """A model file that is missing, damaged, dangerous or not what it has to be."""


class OutputError(RedundancyError):
    """A file that cannot be written where it was asked for."""


class LossWarning(UserWarning):
    """Something of a model file could not be read, and will be missing in a file that is written from it."""


class InconclusiveWarning(UserWarning):
    """A claim that could be neither certified nor refuted; where that is no failure, it is told as a warning."""


class ReportWarning(UserWarning):
    """A report for a service could not be handed over; the session goes on without it."""


def warn_caller(message: str, category: type[Warning]) -> None:
    """Warns, and points at the line outside of this package that called it: what is inside tells nobody anything."""
    level, frame = 1, sys._getframe()
    while frame.f_back and str(frame.f_globals.get("__name__", "")).split(".")[0] == __name__.split(".")[0]:
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)
