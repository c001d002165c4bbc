"""Write images and labels to train YOLO.

Format: docs.ultralytics.com, "Object Detection Datasets Overview". Each deployment is in one of
training, validation and test, because images of one place are very similar. With a random split, a
model would be validated on scenes that it was trained on. A blank image has an empty label file. An
image that was neither analysed nor reviewed is left out.
"""

import hashlib
import json
from collections.abc import Sequence
from typing import BinaryIO

from trapline.server.exports.formats.coco_project import JPEG, add_images
from trapline.server.exports.formats.export_records import (
    DeploymentRecord,
    ExportIssue,
    ExportReport,
    ExportSpool,
)
from trapline.server.exports.formats.observations import build_observations
from trapline.server.exports.formats.observed_images import ObservationType, ObservedImage
from trapline.server.exports.formats.taxon_resolver import TaxonResolver
from trapline.server.platform.formats.zip_writer import build_folder_names, get_suffix, open_zip

TRAIN, VALIDATION, TEST = "train", "val", "test"
SHARES = ((VALIDATION, 0.1), (TEST, 0.1))
LEFT_OUT = frozenset({ObservationType.UNCLASSIFIED, ObservationType.UNKNOWN})


def split_deployments(deployments: Sequence[DeploymentRecord]) -> dict[str, str]:
    """Assign deployments to the parts, about 8:1:1 by images, deterministically.

    Of two deployments, one is for validation; a single one is for training.
    """
    ordered = sorted(
        (one for one in deployments if one.images),
        key=lambda one: hashlib.sha256(str(one.id).encode()).digest(),
    )
    total, parts, place = (
        sum(one.images for one in ordered),
        {str(one.id): TRAIN for one in deployments},
        0,
    )
    for part, share in SHARES:
        taken = 0
        # At least one deployment is for training; of three or more, each part gets one.
        while place < len(ordered) - 1 and taken < share * total:
            one = ordered[place]
            if taken and taken + one.images > 2 * share * total:
                break
            parts[str(one.id)] = part
            taken += one.images
            place += 1
    return parts


class _Labels:
    def __init__(self, spool: ExportSpool) -> None:
        about = spool.about
        self.naming = TaxonResolver(spool.taxa)
        self.parts = split_deployments(about.deployments)
        self.folders = build_folder_names(about.deployments)
        self.classes: dict[str, int] = {}
        self.unsure = 0

    def write(self, image: ObservedImage) -> str | None:
        """Return the labels of an image: class, centre and size as fractions.

        Returns None if the image is left out.
        """
        lines = []
        for one in build_observations(image, self.naming):
            if one.box is None:
                if one.kind is not ObservationType.BLANK:
                    self.unsure += 1
                    return None  # something is on the image, but its position is unknown
                continue
            if one.kind in LEFT_OUT:
                self.unsure += 1
                return None
            left, top, width, height = one.box
            number = self.classes.setdefault(self.naming.title(one), len(self.classes))
            middle = (left + width / 2) / image.width, (top + height / 2) / image.height
            wide, high = width / image.width, height / image.height
            lines.append(f"{number} {middle[0]:.6f} {middle[1]:.6f} {wide:.6f} {high:.6f}\n")
        return "".join(lines)

    def name(self, image: ObservedImage) -> str:
        """Return the path of an image within the split, without suffix."""
        return f"{self.parts[image.deployment_id]}/{self.folders[image.deployment_id]}/{image.id}"


def write(spool: ExportSpool, out: BinaryIO) -> ExportReport:
    """Write a zip of `images/`, `labels/` and `data.yaml`."""
    labels, report = _Labels(spool), ExportReport()
    with open_zip(out) as pack:
        chosen = bytearray()
        for image in spool.read(ObservedImage):
            text = labels.write(image)
            chosen.append(text is not None)
            if text is not None:
                pack.add(f"labels/{labels.name(image)}.txt", text.encode())
                report.written += text.count("\n")
        places = iter(chosen)

        def name_image(image: ObservedImage) -> str | None:
            kind = JPEG if image.upright_file else image.media_type
            return f"images/{labels.name(image)}{get_suffix(kind)}" if next(places) else None

        report.left_out += add_images(pack, spool, name_image)
        used = set(labels.parts.values())
        pack.add("data.yaml", _describe(labels, used).encode())
    if labels.unsure:
        what = "Images with something on them whose class or position is not certain."
        report.left_out.append(ExportIssue(what, labels.unsure))
    if VALIDATION not in used:
        report.left_out.append(
            ExportIssue(
                "Validation: there is only one deployment, and a split within it would mislead."
            )
        )
    return report


def _describe(labels: _Labels, used: set[str]) -> str:
    # A JSON string is also a YAML string.
    names = "".join(f"  {number}: {_quote(name)}\n" for name, number in labels.classes.items())
    parts = "".join(
        f"{part}: images/{part if part in used else TRAIN}\n" for part in (TRAIN, VALIDATION)
    )
    if TEST in used:
        parts += f"{TEST}: images/{TEST}\n"
    # Without a `path`, paths are relative to this file; a relative `path` has another base.
    return f"{parts}nc: {len(labels.classes)}\nnames:{' {}' if not names else ''}\n{names}"


def _quote(name: str) -> str:
    return json.dumps("".join(sign for sign in name if sign.isprintable()), ensure_ascii=False)
