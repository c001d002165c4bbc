"""Exports with image files: YOLO and crops of real images, with portable names."""

import csv
import gc
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path, PureWindowsPath
from typing import BinaryIO
from uuid import UUID

import msgspec
import pytest
import yaml
from PIL import Image
from tests.support.format_spools import (
    HEIGHT,
    HOSTILE,
    LYNX,
    PLACE,
    WIDTH,
    found,
    image,
    make_spool,
    said,
    write_twice,
)

from trapline.server.exports.formats import coco_project, crops, yolo
from trapline.server.exports.formats.export_records import (
    DeploymentRecord,
    ExportReport,
    ExportSpool,
    ImageRecord,
)
from trapline.server.platform.formats.zip_writer import (
    build_folder_names,
    sanitise_file_name,
    sanitise_path,
)


def _draw_image(key: str) -> bytes:
    """Draw an image whose left half is red; keys that are not images raise an error."""
    if "missing" in key:
        raise FileNotFoundError(key)
    if "broken" in key:
        return b"\xff\xd8\xff\xe0 and no more"
    picture = Image.new("RGB", (WIDTH, HEIGHT), "blue")
    picture.paste("red", (0, 0, WIDTH // 2, HEIGHT))
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=95)
    return file.getvalue()


def _open(content: bytes) -> zipfile.ZipFile:
    archive = zipfile.ZipFile(io.BytesIO(content))
    assert archive.testzip() is None
    names = archive.namelist()
    assert len({name.casefold() for name in names}) == len(names)
    for name in names:
        assert not name.startswith("/")
        assert not {"", ".", ".."} & set(name.split("/"))
        assert not any(ord(sign) < 32 or sign in '\\:*?"<>|' for sign in name)
    return archive


def _places(*counts: int) -> list[DeploymentRecord]:
    return [
        msgspec.structs.replace(PLACE, id=UUID(int=number), name=f"P{number}", images=count)
        for number, count in enumerate(counts, 1)
    ]


def _in_each(places: list[DeploymentRecord], each: int) -> list[ImageRecord]:
    return [
        image(
            100 * place + number,
            found(100 * place + number, "lynx", taxon=LYNX.id),
            deployment_id=one.id,
        )
        for place, one in enumerate(places)
        for number in range(each)
    ]


def test_yolo_has_labels_as_fractions_of_the_upright_image(tmp_path: Path) -> None:
    images = [
        image(
            1,
            found(1, "lynx", taxon=LYNX.id),
            found(2, 'a "b": {c}', (0, 0, WIDTH, HEIGHT)),
            upright_file="up",
        ),
        image(2, media_type="image/png"),
        image(3, analysed=False, blank=None),
        image(4, found(4, "deer", None)),
        image(5, found(5, "bench")),
        image(6, found(6, "lynx", said=said("blank")), file="missing"),
    ]
    report, content = write_twice(yolo.write, make_spool(tmp_path, images, read_image=_draw_image))
    archive = _open(content)
    place = f"train/Ridge-north/{images[0].id}"
    assert archive.read(f"labels/{place}.txt").decode().splitlines() == [
        "0 0.350000 0.350000 0.500000 0.500000",
        "1 0.500000 0.500000 1.000000 1.000000",
    ]
    assert archive.read(f"labels/train/Ridge-north/{images[1].id}.txt") == b""
    pictures = sorted(name for name in archive.namelist() if name.startswith("images/"))
    assert pictures == [f"images/{place}.jpg", f"images/train/Ridge-north/{images[1].id}.png"]
    told = yaml.safe_load(archive.read("data.yaml"))
    assert told["names"] == {0: "Lynx lynx", 1: 'a "b": {c}'}
    assert "path" not in told, "which would be looked for in another folder than the file's own"
    assert (told["train"], told["val"], told["nc"], "test" in told) == (
        "images/train",
        "images/train",
        2,
        False,
    )
    assert report.written == 2
    assert [one.count for one in report.left_out] == [1, 3, 1]


def test_yolo_splits_by_deployment(tmp_path: Path) -> None:
    places = _places(*[4] * 20)
    spool = make_spool(tmp_path, _in_each(places, 4), deployments=places, read_image=_draw_image)
    archive = _open(write_twice(yolo.write, spool)[1])
    parts: dict[str, set[str]] = {}
    for name in archive.namelist():
        if name.startswith("images/"):
            _, part, place, _ = name.split("/")
            parts.setdefault(part, set()).add(place)
    assert {part: len(found) for part, found in parts.items()} == {"train": 16, "val": 2, "test": 2}
    assert len(set.union(*parts.values())) == 20


@pytest.mark.parametrize(
    ("counts", "wanted"),
    [
        ((5,), ["train"]),
        ((5, 5), ["train", "val"]),
        ((5, 5, 5), ["test", "train", "val"]),
        ((0, 5), ["train"]),
    ],
)
def test_few_deployments_are_split_too(counts: tuple[int, ...], wanted: list[str]) -> None:
    places = _places(*counts)
    parts = yolo.split_deployments(places)
    assert sorted(parts[str(one.id)] for one in places if one.images) == wanted


def test_crops_are_the_contents_of_the_boxes(tmp_path: Path) -> None:
    left, right = (
        found(1, "lynx", (0, 0, 90.5, 50.2), taxon=LYNX.id),
        found(2, "=deer", (120, 10, 190, 90)),
    )
    images = [
        image(1, left, right), image(2), image(3, found(3, "x"), file="missing"),
        image(4, found(4, "x"), file="broken"), image(5, found(5, "deer", None)),
    ]  # fmt: skip
    report, content = write_twice(crops.write, make_spool(tmp_path, images, read_image=_draw_image))
    archive = _open(content)
    paths = [f"Lynx-lynx/{left.id}.jpg", f"deer/{right.id}.jpg"]
    assert archive.namelist() == [*paths, "crops.csv"]
    for path, size, colour in zip(
        paths, ((91, 51), (70, 80)), ((254, 0, 0), (0, 0, 254)), strict=True
    ):
        crop = Image.open(io.BytesIO(archive.read(path)))
        assert crop.size == size
        pixel = crop.getpixel((5, 5))
        assert isinstance(pixel, tuple)
        assert max(abs(one - other) for one, other in zip(pixel, colour, strict=True)) < 8
    rows = list(csv.DictReader(io.StringIO(archive.read("crops.csv").decode())))
    assert [(row["file"], row["class"]) for row in rows] == list(
        zip(paths, ["Lynx lynx", "'=deer"], strict=True)
    )
    assert (report.written, [one.count for one in report.left_out]) == (2, [1, 1, 1])


def test_each_class_has_a_separate_folder(tmp_path: Path) -> None:
    several = [
        found(number, name) for number, name in enumerate(("deer", "Deer", "deer!", "crops.csv"))
    ]
    report, content = write_twice(
        crops.write, make_spool(tmp_path, [image(1, *several)], read_image=_draw_image)
    )
    folders = {name.split("/")[0].casefold() for name in _open(content).namelist() if "/" in name}
    assert (report.written, len(folders), "crops.csv" in folders) == (4, 4, False)


@pytest.mark.parametrize("write", [coco_project.write, coco_project.write_camera_traps])
def test_coco_contains_image_files(
    tmp_path: Path, write: Callable[[ExportSpool, BinaryIO], ExportReport]
) -> None:
    images = [
        image(1, found(1), upright_file="up", media_type="image/heic"),
        image(2, file="missing"),
    ]
    report, content = write_twice(
        write,
        make_spool(tmp_path, images, read_image=_draw_image, with_images=True),
        tells_when=True,
    )
    archive = _open(content)
    told = json.loads(archive.read("annotations.json"))
    assert [one["file_name"] for one in told["images"]][:1] == archive.namelist()[1:]
    assert archive.namelist()[1] == f"images/Ridge-north/{images[0].id}.jpg"
    assert archive.read(archive.namelist()[1]) == _draw_image("up")
    assert [one.count for one in report.left_out] == [1]


@pytest.mark.parametrize("write", [yolo.write, crops.write])
def test_hostile_names_do_not_leave_the_folder(
    tmp_path: Path, write: Callable[[ExportSpool, BinaryIO], ExportReport]
) -> None:
    places = [
        msgspec.structs.replace(PLACE, id=UUID(int=number), name=text)
        for number, text in enumerate((*HOSTILE, *HOSTILE))
    ]
    images = [
        image(
            number,
            found(number, text or "x"),
            deployment_id=UUID(int=number),
            filename=text,
            path=text,
        )
        for number, text in enumerate(HOSTILE)
    ]
    spool = make_spool(tmp_path, images, deployments=places, read_image=_draw_image)
    out = io.BytesIO()
    # An empty name is an unknown object, which has no label or crop.
    assert write(spool, out).written >= len(HOSTILE) - 2
    archive = _open(out.getvalue())
    assert len(archive.namelist()) > len(HOSTILE)
    if "data.yaml" in archive.namelist():
        assert yaml.safe_load(archive.read("data.yaml"))["nc"] > 10


def test_each_deployment_has_a_separate_folder() -> None:
    names = (*HOSTILE, *HOSTILE, "Ridge", "RIDGE", "ridge", "images", "Labels")
    places = [
        msgspec.structs.replace(PLACE, id=UUID(int=number), name=text)
        for number, text in enumerate(names)
    ]
    folders = build_folder_names(places)
    assert len({folder.casefold() for folder in folders.values()}) == len(places)
    assert not {"images", "labels"} & {folder.casefold() for folder in folders.values()}


def test_file_names_are_portable() -> None:
    for text in HOSTILE:
        name = sanitise_file_name(text)
        assert name
        assert not name.startswith((".", "-"))
        assert not {"/", "\\", ":", "\0", "\n"} & set(name)
        path = sanitise_path(text)
        assert path
        assert not path.startswith("/")
        assert not {"..", ".", ""} & set(path.split("/"))
    assert (sanitise_file_name("CON"), sanitise_file_name("..")) == ("CON-", "unnamed")
    assert sanitise_path("C:\\DCIM\\..\\100RECNX\\IMG 1.JPG") == "C/DCIM/100RECNX/IMG 1.JPG"
    escaped = "cards\\100RECNX/left\\u202eright\\x07\\U000e0001.JPG"
    assert sanitise_path(escaped) == "cards/100RECNX/left\\u202eright\\x07\\U000e0001.JPG"


@pytest.mark.parametrize(
    "name", ["..\\u202ecards/1.jpg", "cards/..\\x07/..\\U000e0001/1.jpg", ".. \\x07/1.jpg"]
)
def test_escaped_backslash_does_not_leave_the_folder_on_windows(name: str) -> None:
    path = sanitise_path(name)
    parts = PureWindowsPath("C:/unpacked", path).parts
    assert len(parts) > 3
    assert not [part for part in parts if not part.strip(". ")]
    assert [sign for sign in path.split("\\")[1:] if not sign.startswith(("x", "u", "U"))] == []
    assert sanitise_path(path) == path


class _Stopped(Exception):
    pass


class _Full(io.BytesIO):
    def write(self, _: object) -> int:
        raise _Stopped


def test_stopped_zip_writes_nothing_more(tmp_path: Path) -> None:
    spool = make_spool(tmp_path, [image(1, found(1))], read_image=_draw_image)
    with pytest.raises(_Stopped):
        yolo.write(spool, _Full())
    gc.collect()  # a warning during finalisation would be an error
