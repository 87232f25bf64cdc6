"""Claims that pyproject.toml asks for, and one of the team's own, as tests among others."""

from redundancy import claim
from redundancy.gate.claims import test_no_duplicates  # noqa: F401 - a test, which pytest finds here


@claim("a model reads images of digits")
def test_input(model):
    assert model.model.input_shape == (None, 28, 28, 1)
