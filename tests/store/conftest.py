"""Fixtures of the store's own tests."""

import pytest

from tests.store.hand import Hand


@pytest.fixture
def hand(store, clock):
    """A hand on an empty store; each step checks the invariants."""
    return Hand(store, clock)
