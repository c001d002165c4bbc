"""Public projects for visitors without an account: no names of people, places or files."""

from trapline.wire.annotations import ThumbnailBox
from trapline.wire.values import UUID, AnyText, Count, Id, Message, Time


class PublicClass(Message):
    """A class and the number of visible images that show it."""

    class_name: AnyText
    images: Count


class PublicProject(Message):
    """A public project, with counts of its visible images.

    If there are more than 10,000, the newest are counted.
    """

    id: Id
    name: AnyText
    description: AnyText
    images: Count
    images_is_estimate: bool
    deployments: Count
    first_image_at: Time | None
    last_image_at: Time | None
    classes: list[PublicClass]


class PublicDeployment(Message):
    """Camera, by its number in order of creation; its place and name are withheld."""

    id: UUID
    number: Count
    time_zone: AnyText
    images: Count
    last_image_at: Time | None


class PublicImage(Message):
    """Public image: analysed, and without people on it.

    The URLs of its files are valid while it is public.
    """

    id: UUID
    deployment_id: UUID
    deployment_number: Count
    width: int
    height: int
    captured_at: Time
    time_zone: AnyText
    thumbnail_url: AnyText
    preview_url: AnyText
    classes: list[AnyText]
    boxes: list[ThumbnailBox]


class PublicImageDetail(PublicImage):
    """A public image with the visible images before and after it."""

    previous_id: UUID | None
    next_id: UUID | None


class PublicPreview(Message):
    """Public view of a project, or its preview; at most the newest 10,000 images.

    `hidden` images show a person, a vehicle or something that is not a known animal, are not
    analysed, or are hidden by a tag. `unknown_classes` are classes of models that are not known to
    be animals.
    """

    project_id: Id
    public: bool
    images: Count
    images_is_estimate: bool
    shown: Count
    hidden: Count
    unknown_classes: list[PublicClass]
