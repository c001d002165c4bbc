"""Progress of the review of a project: by deployment and by person."""

from pydantic import Field

from trapline.wire.values import UUID, AnyText, Count, Id, Message, Time


class DeploymentProgress(Message):
    """Numbers of all images and of the reviewed images of a deployment."""

    deployment_id: UUID
    name: AnyText
    images: Count
    reviewed: Count


class ReviewerProgress(Message):
    """Numbers of images that a person decided about.

    `images` are those whose current observations are of this person alone. `recent` are those that
    the person decided about since the given time.
    """

    person_id: UUID | None
    by: AnyText
    images: Count
    recent: Count


class ReviewProgress(Message):
    """Progress of a review: images and reviewed images, by deployment and by person.

    Deployments with most images to review are first, at most 1,000. People are omitted for callers
    who may not see them.
    """

    project_id: Id
    images: Count
    reviewed: Count
    decided_after: Time = Field(description="The time after which `recent` counts decisions.")
    deployments: list[DeploymentProgress]
    people: list[ReviewerProgress]
