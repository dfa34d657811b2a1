"""What a configuration makes of queued mail, on this machine."""

from lab.configuration import Loaded
from monitor.outlook import Outlook
from monitor.plan import circumstances
from store.engine import Store, file_of
from world.network import HostNetwork


def outlook(store: Store, loaded: Loaded, now: float, lab: Loaded | None = None) -> Outlook:
    """The outlook of a configuration on the mail of a lab; ``lab`` is that, where it differs."""
    network = HostNetwork.allowing(loaded.configuration.lab.allow_networks)
    # With a database server workers may be on other machines, whose addresses nobody here knows.
    is_here = file_of((lab or loaded).store_url) is not None

    def can_bind(address: str) -> bool:
        return not is_here or network.bind_error(address) is None

    return Outlook(loaded.configuration, circumstances(store, now, can_bind))
