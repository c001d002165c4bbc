"""Trapline turns cameras in the field into verified observations."""

from importlib.metadata import version

__version__ = version("trapline")
