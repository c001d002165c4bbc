"""Count the images of each deployment in the spool of an export."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from uuid import UUID

import msgspec

from trapline.server.exports.formats.export_records import IMAGES, DeploymentRecord


class _Timed(msgspec.Struct):
    """The fields of an image record that are needed to count deployments."""

    deployment_id: UUID
    captured_at: datetime
    remarked: bool = False
    described: bool = False


def count_deployments(
    folder: Path, deployments: Mapping[UUID, DeploymentRecord]
) -> list[DeploymentRecord]:
    """Count the images and the period of each deployment in a spool; omit those without images."""
    decoder = msgspec.json.Decoder(_Timed)
    counted: dict[UUID, DeploymentRecord] = {}
    with (folder / IMAGES).open("rb") as lines:
        for line in lines:
            image = decoder.decode(line)
            record = counted.get(image.deployment_id)
            if record is None:
                record = counted[image.deployment_id] = deployments[image.deployment_id]
                record.first_image_at = image.captured_at
            record.images += 1
            record.remarked += image.remarked
            record.described += image.described
            record.last_image_at = image.captured_at
    return list(counted.values())
