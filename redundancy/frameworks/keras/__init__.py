"""Keras: models read into frozen networks, written back, trained weights pulled and pushed, outputs computed.

Importing this loads no Keras; calling it does.
"""

from redundancy.frameworks.keras.evaluation import evaluate
from redundancy.frameworks.keras.exchange import pull, push
from redundancy.frameworks.keras.reading import read
from redundancy.frameworks.keras.writing import write

__all__ = ["evaluate", "pull", "push", "read", "write"]
