"""The addresses that Trapline may connect to if a user named the host."""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


def _networks(*texts: str) -> tuple[Network, ...]:
    return tuple(ip_network(text) for text in texts)


# The standard library's is_global is wrong for NAT64, 6to4, mapped and other addresses. These lists
# are from the IANA special-purpose registries and the documentation of the clouds.
NEVER: tuple[tuple[str, tuple[Network, ...]], ...] = (
    (
        "a metadata service",
        _networks(
            "169.254.169.254/32", "169.254.170.2/32", "100.100.100.200/32", "192.0.0.192/32",
            "168.63.129.16/32", "fd00:ec2::/32", "fd20:ce::/64",
        ),
    ),
    ("a link-local address", _networks("169.254.0.0/16", "fe80::/10")),
    ("a multicast address", _networks("224.0.0.0/4", "ff00::/8")),
    ("a broadcast address", _networks("255.255.255.255/32")),
    ("a tunnel's address", _networks("2002::/16", "2001::/32", "64:ff9b:1::/48", "192.88.99.0/24")),
)  # fmt: skip
LOOPBACK: tuple[Network, ...] = _networks("0.0.0.0/8", "127.0.0.0/8", "::/128", "::1/128")
RFC_1918: tuple[Network, ...] = _networks("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
PRIVATE: tuple[Network, ...] = (*RFC_1918, *_networks("100.64.0.0/10", "fc00::/7", "fec0::/10"))
RESERVED: tuple[Network, ...] = _networks(
    "192.0.0.0/24", "192.0.2.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
    "240.0.0.0/4", "100::/64", "100:0:0:1::/64", "2001::/23", "2001:db8::/32",
    "3fff::/20", "5f00::/16",
)  # fmt: skip
THIS_HOST = "this host"
"""Why loopback and the addresses of this machine are refused."""
_GLOBAL_V6 = IPv6Network("2000::/3")
_MAPPED = IPv6Network("::ffff:0:0/96")
_COMPATIBLE = IPv6Network("::/96")
_NAT64 = IPv6Network("64:ff9b::/96")


_HOST = re.compile(r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_]([a-z0-9_-]{0,62}))*\.?")


@dataclass(frozen=True)
class AllowedNetwork:
    """An entry of TRAPLINE_ALLOWED_NETWORKS: a network or a host, for one port or all ports."""

    network: Network | None = None
    host: str | None = None
    port: int | None = None
    reaches_here: bool = False
    """Whether a host also covers loopback and this machine, for URLs of the operator."""

    def covers(self, host: str, port: int | None, address: Address, *, is_own: bool) -> bool:
        """Return whether the entry allows this connection.

        An interface address of this machine is only covered by an entry with exactly that address.
        Otherwise an entry for a network of cameras would also allow the services of this machine. A
        host does not cover loopback and this machine, because the operator of its DNS zone decides
        its addresses.
        """
        if self.port is not None and self.port != port:
            return False
        if self.network is None:
            is_here = is_own or _within(address, LOOPBACK)
            return self.host == host.rstrip(".").lower() and (self.reaches_here or not is_here)
        if is_own and self.network.prefixlen != self.network.max_prefixlen:
            return False
        return address.version == self.network.version and address in self.network


@dataclass(frozen=True)
class OutboundPolicy:
    """Addresses that the operator allows.

    `allow_private` allows the networks of RFC 1918. `allowed_networks` allows its entries,
    including loopback and interface addresses of this machine. Link-local addresses and metadata
    services cannot be allowed.
    """

    allow_private: bool = False
    allowed_networks: tuple[AllowedNetwork, ...] = ()

    def allows_port(self, host: str, port: int, address: Address, *, is_own: bool) -> bool:
        """Return whether an entry has this port, which allows it even if it is an unusual one."""
        return any(
            entry.port is not None and entry.covers(host, port, address, is_own=is_own)
            for entry in self.allowed_networks
        )


def parse_allowed_network(text: str) -> AllowedNetwork:
    """Parse an entry such as 10.0.0.0/8, 127.0.0.1:8080, [::1]:8080 or camera.local:8080.

    Raises:
        ValueError: the text is not a network, an address or a host with an optional port.
    """
    place, port = text.strip(), None
    if found := re.fullmatch(r"\[(.+)\](?::([0-9]+))?", place):
        place, port = found[1], found[2]
    elif place.count(":") == 1:
        place, _, port = place.partition(":")
    if port is not None and not (port.isdigit() and 0 < int(port) < 65_536):
        raise ValueError(f"{text!r} has a port that is not from 1 to 65535")
    number = int(port) if port is not None else None
    try:
        return AllowedNetwork(ip_network(place), port=number)
    except ValueError as error:
        host = place.lower()
        if not _HOST.fullmatch(host) or not re.search("[a-z]", host):
            hint = "such as 10.0.0.0/8, 192.168.1.20, 127.0.0.1:8080 or camera.local:8080"
            raise ValueError(
                f"{text!r} is not a network, an address or a host, {hint} ({error})"
            ) from error
    return AllowedNetwork(host=host.rstrip("."), port=number)


def find_refusal_reason(
    policy: OutboundPolicy,
    address: Address,
    host: str = "",
    port: int | None = None,
    *,
    is_own: bool = False,
) -> str | None:
    """Return why this address may not be connected to, or None if it may.

    `is_own` is an address of an interface of this machine.
    """
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            return "a link-local address"
        inner = embedded_address(address)
        if inner is not None:
            return find_refusal_reason(policy, inner, host, port, is_own=is_own)
    for what, networks in NEVER:
        if _within(address, networks):
            return what
    if any(entry.covers(host, port, address, is_own=is_own) for entry in policy.allowed_networks):
        return None
    if is_own or _within(address, LOOPBACK):
        return THIS_HOST
    if _within(address, PRIVATE):
        return None if policy.allow_private and _within(address, RFC_1918) else "a private address"
    if _within(address, RESERVED) or (
        isinstance(address, IPv6Address) and address not in _GLOBAL_V6
    ):
        return "a reserved address"
    return None


def can_be_allowed(reason: str) -> bool:
    """Return whether TRAPLINE_ALLOWED_NETWORKS can allow an address refused for this reason."""
    return reason not in {what for what, _ in NEVER}


def parse_address(text: str) -> Address:
    """Parse an address in the form that the resolver returns."""
    return ip_address(text)


def embedded_address(address: IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address embedded in an IPv6 address, None if it has none.

    These are mapped and compatible addresses (RFC 4291), and NAT64 (RFC 6052).
    """
    if address in _MAPPED or address in _NAT64 or (address in _COMPATIBLE and int(address) > 1):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return None


def _within(address: Address, networks: tuple[Network, ...]) -> bool:
    return any(address.version == network.version and address in network for network in networks)
