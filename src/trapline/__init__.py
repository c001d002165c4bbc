"""Trapline turns the images of field cameras into verified observations."""

from importlib.metadata import version

__version__ = version("trapline")
