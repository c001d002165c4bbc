"""Values that a Camtrap DP derives from a deployment's images: period, camera and time issues."""

from dataclasses import dataclass, field
from datetime import datetime

from trapline.server.exports.formats.observed_images import ObservedImage
from trapline.server.images.rules.capture_time import NO_CAMERA_TIME
from trapline.server.images.rules.image_flags import TRUNCATED

EXIF = "exif"


@dataclass
class CapturePeriod:
    """The first and the last of a set of capture times."""

    first: datetime | None = None
    last: datetime | None = None

    def add(self, at: datetime) -> None:
        """Add a capture time."""
        self.first = at if self.first is None else min(self.first, at)
        self.last = at if self.last is None else max(self.last, at)


@dataclass
class DeploymentImages:
    """Summary of the images of a deployment.

    Times of files and of uploads are apart: they can be years after the camera was removed.
    """

    images: int = 0
    by_camera: CapturePeriod = field(default_factory=CapturePeriod)
    by_file: CapturePeriod = field(default_factory=CapturePeriod)
    not_from_exif: int = 0
    flagged: int = 0
    camera_model: str = ""

    def add(self, image: ObservedImage) -> None:
        """Add an image."""
        (self.by_file if NO_CAMERA_TIME in image.flags else self.by_camera).add(image.captured_at)
        self.images += 1
        self.not_from_exif += image.captured_at_source != EXIF
        self.flagged += any(flag != TRUNCATED for flag in image.flags)
        if not self.camera_model and image.exif.get("Model"):
            self.camera_model = "-".join(
                str(image.exif[part]).strip() for part in ("Make", "Model") if image.exif.get(part)
            )
