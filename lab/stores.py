"""The store of a lab, opened as its configuration says."""

from lab.configuration import Loaded
from store.durability import Durability
from store.engine import Store
from store.schema import open_store


def store_of(loaded: Loaded) -> Store:
    """The lab's store; made or migrated first where it is not current.

    Raises:
        BadStoreUrl: the URL names no database that we speak.
        StoreUnavailable: it cannot be opened or written.
        StoreTooNew: a newer mtalab made it.
    """
    return open_store(loaded.store_url, durability=Durability(loaded.configuration.lab.durability))
