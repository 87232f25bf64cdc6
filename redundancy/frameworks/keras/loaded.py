"""Keras, loaded when this room is entered: for whoever has to choose the moment."""

import keras

__all__ = ["keras"]
