"""Which addresses may be connected to when a user named the host."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


def _networks(*texts: str) -> tuple[Network, ...]:
    return tuple(ip_network(text) for text in texts)


# The standard library's is_global is wrong for NAT64, 6to4, mapped and other addresses, so the lists are our own
# (IANA special-purpose registries, and the metadata services of the clouds).
NEVER: tuple[tuple[str, tuple[Network, ...]], ...] = (
    ("this host", _networks("0.0.0.0/8", "127.0.0.0/8", "::/128", "::1/128")),
    (
        "a metadata service",
        _networks(
            "169.254.169.254/32", "169.254.170.2/32", "100.100.100.200/32", "192.0.0.192/32", "168.63.129.16/32",
            "fd00:ec2::/32", "fd20:ce::/64",
        ),
    ),
    ("a link-local address", _networks("169.254.0.0/16", "fe80::/10")),
    ("a multicast address", _networks("224.0.0.0/4", "ff00::/8")),
    ("a broadcast address", _networks("255.255.255.255/32")),
    ("a tunnel's address", _networks("2002::/16", "2001::/32", "64:ff9b:1::/48", "192.88.99.0/24")),
)  # fmt: skip
PRIVATE: tuple[Network, ...] = _networks(
    "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7", "fec0::/10"
)
RESERVED: tuple[Network, ...] = _networks(
    "192.0.0.0/24", "192.0.2.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
    "100::/64", "100:0:0:1::/64", "2001::/23", "2001:db8::/32", "3fff::/20", "5f00::/16",
)  # fmt: skip
_GLOBAL_V6 = IPv6Network("2000::/3")
_MAPPED = IPv6Network("::ffff:0:0/96")
_COMPATIBLE = IPv6Network("::/96")
_NAT64 = IPv6Network("64:ff9b::/96")


@dataclass(frozen=True)
class OutboundPolicy:
    """What the operator allows.

    `allow_private` opens the private networks as a whole, `allowed_networks` some networks by name; neither opens
    loopback, link-local or metadata addresses. `own_origins` are (host, port) of servers that Trapline itself started
    for its demo: only these may be on loopback.
    """

    allow_private: bool = False
    allowed_networks: tuple[Network, ...] = ()
    own_origins: frozenset[tuple[str, int]] = frozenset()


def why_refused(policy: OutboundPolicy, address: Address) -> str | None:
    """Say why this address may not be connected to, or None if it may."""
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            return "a link-local address"
        inner = _inner(address)
        if inner is not None:
            return why_refused(policy, inner)
    for what, networks in NEVER:
        if _within(address, networks):
            return what
    if _within(address, policy.allowed_networks):
        return None
    if _within(address, PRIVATE):
        return None if policy.allow_private else "a private address"
    if _within(address, RESERVED) or (isinstance(address, IPv6Address) and address not in _GLOBAL_V6):
        return "a reserved address"
    return None


def parse_address(text: str) -> Address:
    """Read an address as the resolver writes it."""
    return ip_address(text)


def _inner(address: IPv6Address) -> IPv4Address | None:
    """Find the IPv4 address that an IPv6 address stands for (RFC 4291 mapped and compatible, RFC 6052 NAT64)."""
    if address in _MAPPED or address in _NAT64 or (address in _COMPATIBLE and int(address) > 1):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return None


def _within(address: Address, networks: tuple[Network, ...]) -> bool:
    return any(address.version == network.version and address in network for network in networks)
