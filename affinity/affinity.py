"""Which source IPs of an affinity may be used. Fails closed: no IP, nothing is sent."""

from affinity.configuration import Affinity, SourceIp
from affinity.mask import admits


def source_ips_for(affinity: Affinity, domain: str) -> tuple[SourceIp, ...]:
    """The IPs whose masks admit the recipient domain, whatever their weight, in file order.

    Empty: none may be used, and nothing of the affinity goes to this domain.
    """
    return tuple(ip for ip in affinity.ip if admits(ip.include, ip.exclude, domain))


def weights(affinity: Affinity) -> dict[str, float]:
    """Address → weight of the IPs that have one, in file order; weight 0 takes an IP out."""
    return {ip.address: ip.weight for ip in affinity.ip if ip.weight > 0}
