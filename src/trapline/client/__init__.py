"""A typed HTTP client of the Trapline server: a method an endpoint, wire models in and out."""

from trapline.client.callbacks import Callbacks
from trapline.client.errors import ServerRefused, ServerUnreachable
from trapline.client.notebook_images import Gallery
from trapline.client.notebook_tables import Table
from trapline.client.pagination import iterate
from trapline.client.retry import Retry
from trapline.client.trapline import Trapline

__all__ = [
    "Callbacks", "Gallery", "Retry", "ServerRefused", "ServerUnreachable", "Table", "Trapline", "iterate",
]  # fmt: skip
