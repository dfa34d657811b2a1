"""What the durability dial says, without turning it."""

import pytest

from lab.bench.durability import losses
from store.durability import Durability


@pytest.mark.parametrize(
    ("store", "levels"),
    [
        (None, [Durability.OFF, Durability.NORMAL, Durability.FULL]),
        ("postgresql+psycopg://me@host/x", [Durability.OFF, Durability.FULL]),
    ],
)
def test_each_level_that_differs_on_a_store_says_what_may_be_lost(store, levels):
    found = losses(store)
    assert list(found) == levels
    assert found[Durability.FULL] == "Nothing that was committed."
    assert len(set(found.values())) == len(levels)
