"""The headers that keep a browser from doing more with an answer than was meant."""

import base64
import hashlib
from collections.abc import Mapping

NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""Of every answer that is not the page: a browser that shows it loads and runs nothing."""
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
SAFE_HEADERS: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": NOTHING,
}
"""Of every answer, where it says nothing else itself."""
SAFE_HEADERS_HTTPS: Mapping[str, str] = {
    **SAFE_HEADERS,
    "Strict-Transport-Security": "max-age=31536000",
}
"""The same where people reach the server over https: their browsers come back that way alone, for a year."""


def build_style_policy(style: str) -> str:
    """The policy of a page without any file beside it: this one style and nothing else."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"{NOTHING}; style-src 'sha256-{digest}'"
