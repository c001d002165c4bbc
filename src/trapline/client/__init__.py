"""A typed HTTP client of the Trapline server, with a method for each endpoint."""

from trapline.client.callbacks import CallbackSession
from trapline.client.errors import ApiConnectionError, ApiStatusError
from trapline.client.notebook_images import Gallery
from trapline.client.notebook_tables import Table
from trapline.client.pagination import iterate
from trapline.client.retry import RetryPolicy
from trapline.client.trapline import Trapline

__all__ = [
    "ApiConnectionError",
    "ApiStatusError",
    "CallbackSession",
    "Gallery",
    "RetryPolicy",
    "Table",
    "Trapline",
    "iterate",
]  # fmt: skip
