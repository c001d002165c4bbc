"""The network of a client, by which its requests are counted."""

import ipaddress


def get_network(address: str) -> str:
    """Return the network of an address: 64 bits of IPv6, a whole IPv4 address, or other text."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((int(found), 64), strict=False))
    return str(found)
