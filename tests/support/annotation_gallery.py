"""Annotations of every kind on single-coloured images with an EXIF orientation, inserted as rows.

Some of them are annotations that the API would reject.
"""

import io
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import psycopg
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Page
from psycopg.types.json import Jsonb

from tests.support.browser_session import Watched
from tests.support.running_server import RunningServer, wait_for
from tests.support.signed_in_browser import box_of, wait_for_picture
from trapline.server.platform.postgres.postgres import find_running_url
from trapline.wire.deployments import NewDeployment
from trapline.wire.images import Image as StoredImage
from trapline.wire.projects import NewProject

Mask = NDArray[np.bool_]
Colour = tuple[int, int, int]
Pixels = Callable[[float, float], Colour]

GROUND = (30, 40, 34)
PICTURES = {
    "plain.jpg": ((800, 600), 1),
    "lying.jpg": ((600, 800), 6),
    "upside.jpg": ((800, 600), 3),
}
"""Upright sizes and EXIF orientations by file name."""
_STORED_AS = {1: None, 3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90}

STEM, FOOT = (100, 120, 180, 420), (180, 340, 380, 420)
"""The bars of an L, as x1 y1 x2 y2 in pixels of the upright image; it has no symmetry."""
RING = [[100, 120], [180, 120], [180, 340], [380, 340], [380, 420], [100, 420]]
INSIDE = ((140, 160), (140, 300), (140, 380), (300, 380))
OUTSIDE = ((300, 160), (300, 300), (60, 380), (140, 460), (420, 380), (60, 90))


def draw_plain(name: str) -> bytes:
    """Draw a grey image, stored with the orientation of its name."""
    size, orientation = PICTURES[name]
    picture = Image.new("RGB", size, GROUND)
    turn = _STORED_AS[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = name
    out = io.BytesIO()
    (picture if turn is None else picture.transpose(turn)).save(out, "JPEG", quality=95, exif=exif)
    return out.getvalue()


def ell(size: tuple[int, int], scale: float = 1.0) -> Mask:
    """Build the L as a mask of `size` columns and rows; each cell covers `scale` image pixels."""
    cells = np.zeros((size[1], size[0]), bool)
    for left, top, right, bottom in (STEM, FOOT):
        cells[
            round(top / scale) : round(bottom / scale), round(left / scale) : round(right / scale)
        ] = True
    return cells


def count_runs(cells: Mask) -> list[int]:
    """COCO's counts: down the columns, the first run outside."""
    flat = cells.T.ravel()
    edges = np.flatnonzero(np.diff(np.concatenate(([False], flat)).astype(np.int8)))
    return [int(run) for run in np.diff(np.concatenate(([0], edges, [flat.size])))]


def pack(counts: Iterable[int]) -> str:
    """COCO's compressed text of counts."""
    told = list(counts)
    text = ""
    for place, count in enumerate(told):
        value = count - told[place - 2] if place > 2 else count
        more = True
        while more:
            part = value & 31
            value >>= 5
            more = value != (-1 if part & 16 else 0)
            text += chr(48 + (part | 32 if more else part))
    return text


def as_png(pixels: NDArray[np.uint8]) -> bytes:
    """A PNG of grey or coloured cells."""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


@dataclass
class Exhibit:
    """Project with the single-coloured images, and direct access to the server's database."""

    server: RunningServer
    project: int
    images: dict[str, StoredImage]

    def add(self, name: str, *annotations: dict[str, Any], **analysis: Any) -> UUID:
        """Add an analysis without a job and its annotations to an image; return its ID.

        The `file` of an annotation is stored and referenced; `parent` is the index of another
        annotation in the list.
        """
        key, image = uuid4(), self.images[name]
        ids = [uuid4() for _ in annotations]
        with self._connect() as connection:
            connection.execute(
                "insert into analyses (id, project_id, image_id, model_name, model_version, state, "
                "attempt, fence,"
                " errors, lost, created_at, completed_at, updated_at)"
                " values (%s, %s, %s, %s, %s, %s, 0, 0, 0, 0, now(), now(), now() - %s::interval)",
                (
                    key, self.project, image.id, analysis.get("model", "exhibit"),
                    analysis.get("version", "1"),
                    analysis.get("state", "completed"), analysis.get("silent_for", "0 s"),
                ),
            )  # fmt: skip
            for place, annotation in enumerate(annotations):
                path = (
                    self._keep(key, place, annotation["file"])
                    if annotation.get("file")
                    else annotation.get("path")
                )
                parent = annotation.get("parent")
                connection.execute(
                    "insert into annotations (id, project_id, analysis_id, image_id, "
                    "annotation_type, class_name,"
                    " confidence, data, storage_path, parent_id, ordering, fingerprint)"
                    " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, gen_random_uuid())",
                    (
                        ids[place], self.project, key, image.id, annotation["type"],
                        annotation.get("name"),
                        annotation.get("confidence"), Jsonb(annotation.get("data", {})), path,
                        None if parent is None else ids[parent], place,
                    ),
                )  # fmt: skip
        return key

    def forget(self) -> None:
        """Take all analyses away."""
        with self._connect() as connection:
            connection.execute("delete from analyses where project_id = %s", (self.project,))

    def address(self, name: str, analysis: UUID | None = None, search: str = "") -> str:
        """Return the URL of an image in the viewer, with one analysis selected."""
        shown = "" if analysis is None else f"analysis={analysis}"
        query = "&".join(part for part in (shown, search) if part)
        return f"/projects/{self.project}/images/{self.images[name].id}?{query}"

    def _connect(self) -> psycopg.Connection:
        found = find_running_url(self.server.data)
        assert found is not None
        return psycopg.connect(found)

    def _keep(self, analysis: UUID, place: int, content: bytes) -> str:
        path = f"ml_outputs/{analysis}/{place}.png"
        file = self.server.data / "store" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        return path


def make_exhibit(server: RunningServer, folder: Path) -> Exhibit:
    """Upload the single-coloured images to a new project."""
    files = [folder / name for name in PICTURES]
    for file in files:
        file.write_bytes(draw_plain(file.name))
    with server.open() as owner:
        project = owner.create_project(NewProject(name="Exhibit"))
        deployment = owner.create_deployment(
            NewDeployment(
                project=project.id,
                name="Gallery",
                latitude=48.1,
                longitude=8.2,
                time_zone="Europe/Berlin",
            )
        )
        owner.upload_images(files, deployment=deployment.id)
        wait_for(
            "thumbnails",
            lambda: all(
                image.thumbnail_url for image in owner.list_images(project=project.id).results
            ),
        )
        images: dict[str, StoredImage]
        images = {image.filename: image for image in owner.list_images(project=project.id).results}
    assert {name: (image.width, image.height) for name, image in images.items()} == {
        name: size for name, (size, _) in PICTURES.items()
    }
    return Exhibit(server, project.id, images)


def look(page: Page) -> Pixels:
    """Read the colours on the screen, by pixels of the upright image."""
    place = box_of(page.get_by_test_id("picture").first)
    scale = place["width"] / float(
        page.get_by_test_id("picture").first.evaluate("e => e.offsetWidth")
    )
    page.mouse.move(1, 1)
    shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")

    def at(x: float, y: float) -> Colour:
        found = shot.getpixel((round(place["x"] + x * scale), round(place["y"] + y * scale)))
        assert isinstance(found, tuple)
        return found[0], found[1], found[2]

    return at


def apart(one: Colour, other: Colour) -> int:
    """How far two colours are from each other, in their channel that differs most."""
    return max(abs(a - b) for a, b in zip(one, other, strict=True))


def off_line(at: Pixels, point: tuple[float, float], colour: Colour) -> int:
    """Return the distance of a colour to the nearest pixel around a point."""
    x, y = point
    steps = (-1.0, -0.5, 0.0, 0.5, 1.0)
    return min(apart(at(x + across, y + down), colour) for across in steps for down in steps)


def mix(over: Colour, opacity: float, under: Colour = GROUND) -> Colour:
    """One colour seen through another."""
    red, green, blue = (
        round(a * opacity + b * (1 - opacity)) for a, b in zip(over, under, strict=True)
    )
    return red, green, blue


def colour_of(page: Page, kind: str) -> Colour:
    """The colour in which a kind of finding is drawn."""
    text = page.locator(f'[data-testid="overlay"] [data-type="{kind}"]').first.evaluate(
        "e => getComputedStyle(e).stroke"
    )
    red, green, blue = (int(part) for part in re.findall(r"\d+", text)[:3])
    return red, green, blue


def show(
    tab: Watched, exhibit: Exhibit, name: str, *annotations: dict[str, Any], search: str = ""
) -> Page:
    """Show an image with these annotations."""
    page = tab.open(exhibit.address(name, exhibit.add(name, *annotations), search))
    wait_for_picture(page)
    return page


def shape(name: str, form: str) -> dict[str, Any]:
    """Return the L as an annotation in one of the possible geometries."""
    width, height = PICTURES[name][0]
    whole = ell((width, height))
    half = ell((width // 2, height // 2), 2)
    finding: dict[str, Any] = {"type": "segmentation", "name": "lynx", "confidence": 0.9}
    match form:
        case "packed":
            return {
                **finding,
                "data": {
                    "format": "rle",
                    "counts": pack(count_runs(whole)),
                    "size": [height, width],
                },
            }
        case "list":
            return {**finding, "data": {"format": "rle", "counts": count_runs(whole)}}
        case "half":
            half_size = [height // 2, width // 2]
            return {
                **finding,
                "data": {"format": "rle", "counts": pack(count_runs(half)), "size": half_size},
            }
        case "polygon":
            return {**finding, "data": {"format": "polygon", "points": RING}}
        case "rings":
            bars = [[[x1, y1], [x2, y1], [x2, y2], [x1, y2]] for x1, y1, x2, y2 in (STEM, FOOT)]
            return {**finding, "data": {"format": "polygon", "points": bars}}
        case "mask":
            content = as_png(half.astype(np.uint8))  # 1 is inside as much as 255 is
            return {
                **finding,
                "type": "mask",
                "data": {"width": width // 2, "height": height // 2},
                "file": content,
            }
    raise AssertionError(form)
