"""A typed HTTP client of the Trapline server: a method an endpoint, wire models in and out."""

from trapline.client.errors import ServerRefused, ServerUnreachable
from trapline.client.outside import Callbacks
from trapline.client.paging import iterate
from trapline.client.pictures import Gallery
from trapline.client.retry import Retry
from trapline.client.tables import Table
from trapline.client.trapline import Trapline

__all__ = [
    "Callbacks", "Gallery", "Retry", "ServerRefused", "ServerUnreachable", "Table", "Trapline", "iterate",
]  # fmt: skip
