"""Remove from the images of an export what can name the place of a withheld deployment.

The functions change records of each form: a form may have only some of the fields.
"""

from pathlib import PurePosixPath
from typing import Any

from trapline.server.images.rules.locations import filter_exif, get_shown_filename

REVIEWER = "reviewer"
"""The name of a person whose own name is unknown or withheld."""


def hide_names(image: Any) -> None:
    """Replace what can name the place of an image of a deployment that is withheld."""
    known = set(image.__struct_fields__)
    if "filename" in known:
        image.filename = get_shown_filename(image.id, image.filename)
    if "path" in known:
        image.path = get_shown_filename(image.id, PurePosixPath(image.path).name)
    if "exif" in known:
        image.exif = filter_exif(image.exif)
    # The IDs of an imported package can contain the name of its place.
    if "media_id" in known:
        image.media_id = ""
    if "external" in known:
        image.external = None
    for one in getattr(image, "found", ()):
        one.external = None
    for one in getattr(image, "observed", None) or ():
        if one.said is not None:
            # Still marked as imported, because events of packages are counted in another way.
            one.said.external = one.said.external and ["", "", ""]
    stated = getattr(image, "stated", None)
    if stated is not None:
        stated.event_id = stated.event_id and str(image.sequence_id or image.id)
        stated.external_id = ""
        for group in stated.groups:
            group.external_id = ""


def hide_free_texts(image: Any) -> None:
    """Empty what people wrote about an image: visitors could learn its place from it."""
    known = set(image.__struct_fields__)
    if "tags" in known:
        image.tags = []
    for name in ("comment", "remarks"):
        if name in known:
            setattr(image, name, "")
    observed = getattr(image, "observed", None) or ()
    for one in observed:
        one.remarks = ""
    stated = getattr(image, "stated", None)
    groups = () if stated is None else stated.groups
    said = [one.said for one in observed if one.said is not None]
    for one in (*said, *groups):
        one.behaviour = one.individual_id = None
    for one in (*said, *(() if stated is None else (stated,))):
        one.comment = None
        # The name of a person in an imported package is any text.
        if getattr(one, "external", None) is not None or getattr(one, "is_imported", False):
            one.by = REVIEWER
