"""Sensitive taxa of a project: how exactly each role sees the places where they occur."""

from enum import StrEnum

from pydantic import Field

from trapline.wire.values import UUID, AnyText, Id, Message, Request, Time


class LocationPrecision(StrEnum):
    """How exactly a role sees a location: exact, rounded to 0.01° or 0.1°, or withheld."""

    EXACT = "exact"
    HUNDREDTH = "0.01"
    TENTH = "0.1"
    WITHHELD = "withheld"


class LocationAudience(StrEnum):
    """The readers of locations; owners see them exactly, the others by their rules."""

    VISITOR = "visitor"
    VIEWER = "viewer"
    REVIEWER = "reviewer"
    MANAGER = "manager"
    OWNER = "owner"


class SensitiveTaxonRule(Request):
    """How exactly each role sees the deployments with a current observation of a taxon.

    Visitors are callers without an account, workers and external pipelines. A role sees no less
    than the roles before it. Owners see exact locations, because they can change the list.
    """

    visitor: LocationPrecision = LocationPrecision.WITHHELD
    viewer: LocationPrecision = LocationPrecision.TENTH
    reviewer: LocationPrecision = LocationPrecision.TENTH
    manager: LocationPrecision = LocationPrecision.EXACT


class SensitiveTaxon(Message):
    """A sensitive taxon, which covers its synonyms and descendants, with the rule of each role."""

    project_id: Id
    taxon_id: UUID
    scientific_name: AnyText
    visitor: LocationPrecision
    viewer: LocationPrecision
    reviewer: LocationPrecision
    manager: LocationPrecision
    updated_at: Time


class SensitiveSighting(Message):
    """A deployment that a sensitive taxon restricts, with the images in which it was observed.

    An image counts until someone who sees the location exactly identifies the whole image.
    """

    deployment_id: UUID = Field(description="The ID of the deployment.")
    deployment_name: AnyText = Field(description="The name of the deployment.")
    images: int = Field(description="The number of images in which the taxon was observed.")
    overruled: int = Field(
        description="The number of these images whose present observations do not show the taxon."
    )
    overruled_images: list[UUID] = Field(
        description="The IDs of these overruled images, 100 at most. Identify or confirm the whole "
        "image to lift the restriction."
    )


class SensitiveSightings(Message):
    """The deployments that a sensitive taxon restricts, those with most overruled images first."""

    results: list[SensitiveSighting] = Field(description="The deployments, 1,000 at most.")


class SensitiveTaxa(Message):
    """The sensitive taxa of a project by name."""

    results: list[SensitiveTaxon] = Field(description="The sensitive taxa, ordered by name.")
