"""A typed HTTP client of the Trapline server: a method an endpoint, wire models in and out."""

from trapline.client.errors import ServerRefused, ServerUnreachable
from trapline.client.outside import Callbacks
from trapline.client.retry import Retry
from trapline.client.trapline import Trapline

__all__ = ["Callbacks", "Retry", "ServerRefused", "ServerUnreachable", "Trapline"]
