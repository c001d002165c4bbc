"""Outbound policies that allow the servers of a test, which are on loopback."""

from trapline.server.platform.network.outbound_policy import OutboundPolicy, parse_allowed_network


def allow_origins(*origins: tuple[str, int]) -> OutboundPolicy:
    """Build a policy that allows these hosts on these ports and nothing else of this machine."""
    return OutboundPolicy(
        allowed_networks=tuple(
            parse_allowed_network(f"{host}:{port}") for host, port in origins if host
        )
    )
