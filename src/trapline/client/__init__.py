"""A typed HTTP client of the Trapline server: a method an endpoint, wire models in and out."""

from trapline.client.errors import ServerRefused, ServerUnreachable
from trapline.client.retry import Retry
from trapline.client.trapline import Trapline

__all__ = ["Retry", "ServerRefused", "ServerUnreachable", "Trapline"]
