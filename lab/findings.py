"""All that a valid configuration can still not do on this machine."""

from affinity.check import Finding, check
from lab.configuration import Loaded
from lab.destinations import findings as destination_findings
from world.network import HostNetwork


def findings_of(loaded: Loaded) -> list[Finding]:
    """Errors and warnings, of the configuration first, then of the files that it names."""
    configuration = loaded.configuration
    network = HostNetwork.allowing(configuration.lab.allow_networks)
    sinks = {name: each.listen for name, each in configuration.sink.items()}
    return [*check(configuration, network.bind_error, sinks), *destination_findings(loaded)]
