"""What no machine has memory for is refused before it takes any."""

import tracemalloc

import pytest

from redundancy.errors import RecipeError
from redundancy.zoo import Recipe, dense, flatten, train
from redundancy.zoo.groups import Unit, trained
from redundancy.zoo.structure import structure

WIDE = Recipe((flatten(), dense(2_000_000_000), dense(3)), data="toy")


def test_the_structure_of_a_network_takes_no_memory():
    tracemalloc.start()
    network = structure(WIDE, (6, 6, 1))
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()
    assert network.parameters == 2_000_000_000 * (36 + 1 + 3) + 3


def test_what_takes_more_memory_than_there_is_is_not_trained(toy):
    with pytest.raises(RecipeError, match=r"of memory, and this machine has .* make layers or batches smaller"):
        train(WIDE, [0], data=toy)


def test_nor_does_a_worker_train_it(toy):
    with pytest.raises(RecipeError, match="of memory"):
        list(trained(Unit(((WIDE, 0),), 1, ""), toy))
