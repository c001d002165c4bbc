"""Response headers that limit what a browser does with a response."""

import base64
import hashlib
from collections.abc import Mapping

NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""For every response except the page: a browser that shows it loads and runs nothing."""
SAFE_HEADERS: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": NOTHING,
}
"""The default headers of every response; a route may set others."""
SAFE_HEADERS_HTTPS: Mapping[str, str] = {
    **SAFE_HEADERS,
    "Strict-Transport-Security": "max-age=31536000",
}
"""The default headers if people reach the server over HTTPS; browsers then use only HTTPS."""


def build_page_policy(tile_origin: str | None = None) -> str:
    """Return the policy of the page; maps may load tiles from one other host."""
    tiles = f" {tile_origin}" if tile_origin else ""
    return (
        f"default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; "
        f"img-src 'self' data: blob:{tiles}; font-src 'self'; connect-src 'self'{tiles}; "
        "manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )


def build_worker_policy(tile_origin: str | None = None) -> str:
    """Return the policy of the web worker of maps, which reads tiles and runs no other file."""
    return f"{NOTHING}; connect-src 'self'{f' {tile_origin}' if tile_origin else ''}"


def build_style_policy(style: str) -> str:
    """Return the policy of a page without other files: this one style is allowed, nothing else."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"{NOTHING}; style-src 'sha256-{digest}'"
