"""Conditions of lists of deployments."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DeploymentFilter:
    """Conditions of a list of deployments; None matches all."""

    name: str | None = None
    camera: str | None = None
    habitat: str | None = None
