"""Connect to hosts that users name: resolve once, check the addresses, connect to a checked one."""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import TypeVar

from trapline.server.platform.errors import AddressNotAllowed, Unanswered
from trapline.server.platform.network.outbound_policy import (
    THIS_HOST,
    Address,
    OutboundPolicy,
    can_be_allowed,
    embedded_address,
    find_refusal_reason,
    parse_address,
)
from trapline.server.platform.network.url_ports import SCHEME_PORTS, WEB_PORTS

# Below 1024 only the ports of the protocol are allowed. Above it, the ports of databases that often
# have no password are refused.
REFUSED_PORTS = (2049, 2375, 2379, 3306, 5432, 6379, 9200, 9300, 11211, 27017)

_FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
_NEVER_BOUND = {4: "240.1.2.3", 6: "100::1"}
"""Addresses that no interface has (RFC 1112, RFC 6666)."""

# The system may need half a minute for a name whose servers do not answer, so these threads are
# used for nothing else.
LOOKED_UP_AT_ONCE = 64
_LOOK_UPS = ThreadPoolExecutor(LOOKED_UP_AT_ONCE, "look-up")

Resolver = Callable[[str, int], Awaitable[list[str]]]
Connected = TypeVar("Connected")


async def resolve_host(host: str, port: int) -> list[str]:
    """Resolve a host to its addresses; a literal address is returned without waiting."""
    try:
        return _addresses(host, port, socket.AI_NUMERICHOST)
    except socket.gaierror:
        return await asyncio.get_running_loop().run_in_executor(_LOOK_UPS, _addresses, host, port)


def _addresses(host: str, port: int, flags: int = 0) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    return list(dict.fromkeys(str(info[4][0]) for info in found))


@dataclass(frozen=True)
class Dialer:
    """Opens connections that the operator's policy allows."""

    policy: OutboundPolicy
    resolve: Resolver = resolve_host

    async def dial(
        self,
        scheme: str,
        host: str,
        port: int,
        within_s: float | None,
        connect: Callable[[str], Awaitable[Connected]],
    ) -> Connected:
        """Resolve a host once, and `connect` to the first allowed address that answers.

        `connect` raises OSError or TimeoutError if it fails.

        Raises:
            AddressNotAllowed: the policy does not allow any address of the host.
            Unanswered: no address answers.
        """
        try:
            async with asyncio.timeout(within_s):
                addresses = await self.resolve(host, port)
        except TimeoutError as error:
            raise Unanswered(f"no connection to {host} within the time allowed") from error
        except (OSError, UnicodeError) as error:
            raise Unanswered(f"no connection to {host}: the host {host} is unknown") from error
        failure = Unanswered(f"no connection to {host}: the host {host} has no address")
        for address in _choose_allowed(self.policy, scheme, host, port, addresses):
            try:
                return await connect(address)
            except TimeoutError:
                failure = Unanswered(f"no connection to {host} within the time allowed")
            except OSError as error:
                failure = Unanswered(f"no connection to {host}: {get_error_reason(error)}")
        raise failure

    async def open_socket(
        self, scheme: str, host: str, port: int, within_s: float
    ) -> socket.socket:
        """Open a socket to a host. Raises as `dial` does."""
        return await self.dial(
            scheme, host, port, within_s, lambda address: connect_socket(address, port, within_s)
        )


def validate_literal(policy: OutboundPolicy, scheme: str, host: str, port: int) -> None:
    """Refuse a host and port by its port, and by its address if the host is a literal address.

    Host names are resolved and checked at each connection.

    Raises:
        AddressNotAllowed: the policy does not allow this port or address.
    """
    try:
        addresses = _addresses(host, port, socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        addresses = []
    try:
        _choose_allowed(policy, scheme, host, port, addresses)
    except AddressNotAllowed as error:
        raise AddressNotAllowed(f"{error.detail}. Nothing was changed.") from error


def _choose_allowed(
    policy: OutboundPolicy, scheme: str, host: str, port: int, addresses: list[str]
) -> list[str]:
    is_usual = (
        port >= 1024 or port in SCHEME_PORTS.get(scheme, WEB_PORTS)
    ) and port not in REFUSED_PORTS
    # An entry with an unusual port allows it; each address shows below whether it is for this host.
    if not is_usual and not any(entry.port == port for entry in policy.allowed_networks):
        raise AddressNotAllowed(f"port {port} is not one that Trapline connects to")
    allowed: list[str] = []
    refused, advised = "", host
    for text in addresses:
        address, is_own = parse_address(text), is_own_address(text)
        reason = find_refusal_reason(policy, address, host, port, is_own=is_own)
        if reason is None and (is_usual or policy.allows_port(host, port, address, is_own=is_own)):
            allowed.append(text)
        else:
            refused = reason or "not allowed on this port"
            # An entry with a host name does not allow this machine, so the advice is an address.
            advised = str(_ipv4_of(address)) if reason == THIS_HOST else host
    if refused and not allowed:
        raise AddressNotAllowed(_refusal(host, advised, port, refused))
    return allowed


def is_own_address(text: str) -> bool:
    """Return whether an interface of this machine has the address: only those can be bound."""
    address = parse_address(text)
    if isinstance(address, IPv6Address) and (inner := embedded_address(address)) is not None:
        return is_own_address(str(inner))
    if address.is_multicast or not _can_bind(text):
        return False
    if not _can_bind(_NEVER_BOUND[address.version]):
        return True
    # The system allows binding any address (net.ipv4.ip_nonlocal_bind), so the source address for
    # a connection to it is compared.
    with socket.socket(_FAMILIES[address.version], socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((text, WEB_PORTS[0]))
        except OSError:
            return False
        return parse_address(str(probe.getsockname()[0])) == address


def _can_bind(text: str) -> bool:
    try:
        with socket.socket(_FAMILIES[parse_address(text).version], socket.SOCK_DGRAM) as probe:
            probe.bind((text, 0))
    except OSError:
        return False
    return True


def is_public_address(text: str) -> bool:
    """Return whether an address is on the internet, so that its responses are not confidential."""
    return (
        find_refusal_reason(OutboundPolicy(), parse_address(text), is_own=is_own_address(text))
        is None
    )


async def connect_socket(address: str, port: int, within_s: float) -> socket.socket:
    """Open a socket to an address that was checked. Raises OSError, TimeoutError."""
    opened = socket.socket(
        socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM
    )
    try:
        opened.setblocking(False)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        async with asyncio.timeout(within_s):
            await asyncio.get_running_loop().sock_connect(opened, (address, port))
    except BaseException:
        opened.close()
        raise
    return opened


def is_data_port(port: int) -> bool:
    """Return whether a connected server may request another connection to this port of its host."""
    return 1024 <= port < 65_536 and port not in REFUSED_PORTS


def _ipv4_of(address: Address) -> Address:
    """Return the IPv4 address embedded in an IPv6 address, otherwise the address unchanged."""
    return (embedded_address(address) if isinstance(address, IPv6Address) else None) or address


def _refusal(host: str, advised: str, port: int, reason: str) -> str:
    place = f"[{advised}]:{port}" if ":" in advised else f"{advised}:{port}"
    advice = (
        f"an operator can allow it with TRAPLINE_ALLOWED_NETWORKS={place}"
        if can_be_allowed(reason)
        else "TRAPLINE_ALLOWED_NETWORKS cannot allow it"
    )
    return f"{host} is {reason}, which Trapline may not connect to; {advice}"


def get_error_reason(error: OSError) -> str:
    """Return the system's message for an error, without the address that asyncio adds."""
    return os.strerror(error.errno) if error.errno else str(error)[:200] or type(error).__name__
