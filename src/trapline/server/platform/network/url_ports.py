"""Ports of URL schemes."""

WEB_PORTS = (80, 443)
SCHEME_PORTS: dict[str, tuple[int, ...]] = {
    "http": WEB_PORTS,
    "https": (443, 80),
    "ws": WEB_PORTS,
    "wss": (443, 80),
    "ftp": (21,),
    "ftps": (990, 21),
    "sftp": (22,),
}
"""The ports below 1024 that each scheme may use, the default port first."""


def get_default_port(scheme: str) -> int:
    """Return the default port of a scheme; 0 for a scheme without ports, such as s3."""
    return SCHEME_PORTS.get(scheme, (0,))[0]
