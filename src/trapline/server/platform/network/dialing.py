"""Dialling: a connection to a host that a user can name is resolved once, checked, and pinned to what was checked."""

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

WEB_PORTS = (80, 443)
# Below 1024 only the ports of what is spoken; above it none of the stores that are often left
# without a password.
LOW_PORTS = {"ftp": (21,), "ftps": (21, 990), "sftp": (22,)}
REFUSED_PORTS = (2049, 2375, 2379, 3306, 5432, 6379, 9200, 9300, 11211, 27017)

_FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
_NEVER_BOUND = {4: "240.1.2.3", 6: "100::1"}
"""Addresses that no interface has (RFC 1112, RFC 6666)."""

# The system takes up to half a minute for a name that nobody answers for; nothing else must wait
# for these threads.
LOOKED_UP_AT_ONCE = 64
_LOOK_UPS = ThreadPoolExecutor(LOOKED_UP_AT_ONCE, "look-up")

Resolver = Callable[[str, int], Awaitable[list[str]]]
Connected = TypeVar("Connected")


async def resolve_host(host: str, port: int) -> list[str]:
    """Ask the system for the addresses of a host; one that is an address itself waits for nobody."""
    try:
        return _addresses(host, port, socket.AI_NUMERICHOST)
    except socket.gaierror:
        return await asyncio.get_running_loop().run_in_executor(_LOOK_UPS, _addresses, host, port)


def _addresses(host: str, port: int, flags: int = 0) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    return list(dict.fromkeys(str(info[4][0]) for info in found))


@dataclass(frozen=True)
class Dialer:
    """Opens connections where the operator's policy allows them."""

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

        `connect` raises OSError or TimeoutError where it cannot. Raises OutboundRefused for what
        the policy forbids, OutboundFailed where nobody answers.
        """
        try:
            async with asyncio.timeout(within_s):
                addresses = await self.resolve(host, port)
        except TimeoutError as error:
            raise Unanswered(f"no connection to {host} within the time allowed") from error
        except (OSError, UnicodeError) as error:
            raise Unanswered(f"no connection to {host}: the name {host} is not known") from error
        failure = Unanswered(f"no connection to {host}: the name {host} has no address")
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
    """Refuse an address as it is given: by its port, and by its host where that is no name but an
    address itself.

    What a name stands for is judged whenever it is dialled. Raises OutboundRefused.
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
        port >= 1024 or port in LOW_PORTS.get(scheme, WEB_PORTS)
    ) and port not in REFUSED_PORTS
    # An entry that names an unusual port opens it; whether for this host shows each of its
    # addresses.
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
            # A host does not open this machine, so the advice names the address.
            advised = str(_ipv4_of(address)) if reason == THIS_HOST else host
    if refused and not allowed:
        raise AddressNotAllowed(_refusal(host, advised, port, refused))
    return allowed


def is_own_address(text: str) -> bool:
    """Return whether an address is one of an interface of this machine: only such an address can be bound."""
    address = parse_address(text)
    if isinstance(address, IPv6Address) and (inner := embedded_address(address)) is not None:
        return is_own_address(str(inner))
    if address.is_multicast or not _can_bind(text):
        return False
    if not _can_bind(_NEVER_BOUND[address.version]):
        return True
    # The system lets any address be bound (net.ipv4.ip_nonlocal_bind): ask which one it would send
    # from.
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
    """Return whether an address is one of the internet, so that its answers are no secret of this network."""
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
    """Tell whether a server that was dialled may name this port of its own for another connection."""
    return 1024 <= port < 65_536 and port not in REFUSED_PORTS


def _ipv4_of(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 address stands for, otherwise the address itself."""
    return (embedded_address(address) if isinstance(address, IPv6Address) else None) or address


def _refusal(host: str, advised: str, port: int, reason: str) -> str:
    place = f"[{advised}]:{port}" if ":" in advised else f"{advised}:{port}"
    advice = (
        f"an operator can allow it with TRAPLINE_ALLOWED_NETWORKS={place}"
        if can_be_allowed(reason)
        else "this is never allowed, not by TRAPLINE_ALLOWED_NETWORKS either"
    )
    return f"{host} is {reason}, which Trapline may not connect to; {advice}"


def get_error_reason(error: OSError) -> str:
    """Say what the system says of a failure, without the address that asyncio adds."""
    return os.strerror(error.errno) if error.errno else str(error)[:200] or type(error).__name__
