"""Matching of paths with images: by the end of the path, and never with another deployment."""

from collections.abc import Iterator
from uuid import UUID, uuid5

import pytest

from trapline.server.findings.rules.geometry import Frame
from trapline.server.imports.formats.image_index import (
    ImageIndex,
    ImageMatch,
    IndexedImage,
    NoImageMatch,
)
from trapline.wire.imports import FaultKind

SPACE = UUID(int=7)


def key(name: str) -> UUID:
    return uuid5(SPACE, name)


def make(entries: list[str] | None, *images: tuple[str, str]) -> ImageIndex:
    catalogue = ImageIndex()
    catalogue.add(
        IndexedImage(key(home + path), key(home), home, path, 200, 100) for home, path in images
    )
    for home in {home for home, _ in images} | {"Old oak"}:
        catalogue.add_deployment(key(home), home)
    if entries is not None:
        for entry in entries:
            catalogue.add_entry(entry)
        catalogue.complete()
    return catalogue


@pytest.fixture
def several() -> Iterator[ImageIndex]:
    entries = ["x/IMG_3.JPG", "y/IMG_3.JPG"]
    made = make(
        entries,
        ("Beech", "DCIM/100/IMG_1.JPG"),
        ("Beech", "DCIM/101/IMG_1.JPG"),
        ("Ash", "DCIM/100/IMG_1.JPG"),
        ("Ash", "IMG_2.JPG"),
        ("Beech", "IMG_3.JPG"),
        ("Beech", "Äste.jpg"),
    )
    yield made
    made.close()


@pytest.mark.parametrize(
    ("path", "image"),
    [
        ("Beech/DCIM/100/IMG_1.JPG", "BeechDCIM/100/IMG_1.JPG"),
        ("D:\\2026\\beech\\dcim\\101\\img_1.jpg", "BeechDCIM/101/IMG_1.JPG"),
        ("101/IMG_1.JPG", "BeechDCIM/101/IMG_1.JPG"),
        ("Ash/IMG_1.JPG", "AshDCIM/100/IMG_1.JPG"),
        ("./IMG_2.JPG", "AshIMG_2.JPG"),
        ("somewhere/else/IMG_2.JPG", "AshIMG_2.JPG"),
        ("A\u0308ste.JPG", "BeechÄste.jpg"),
    ],
)
def test_path_matches_the_image_with_the_same_end(
    several: ImageIndex, path: str, image: str
) -> None:
    found = several.find(path)
    assert isinstance(found, ImageMatch), found
    assert found.id == key(image)
    assert found.frame == (200, 100)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("IMG_1.JPG", FaultKind.AMBIGUOUS),
        ("100/IMG_1.JPG", FaultKind.AMBIGUOUS),
        ("x/IMG_3.JPG", FaultKind.AMBIGUOUS),
        ("IMG_9.JPG", FaultKind.UNKNOWN),
        ("", FaultKind.UNKNOWN),
        ("Old oak/IMG_2.JPG", FaultKind.UNKNOWN),
        ("Beech/IMG_2.JPG", FaultKind.UNKNOWN),
    ],
)
def test_ambiguous_path_or_other_deployment_is_not_matched(
    several: ImageIndex, path: str, kind: FaultKind
) -> None:
    found = several.find(path)
    assert isinstance(found, NoImageMatch), found
    assert found.kind == kind


CARDS = ["card_07/DCIM/100/IMG_1.JPG", "card_08/DCIM/100/IMG_1.JPG"]


@pytest.mark.parametrize(
    ("told", "taken"),
    [
        (CARDS, []),
        ([*reversed(CARDS)], []),
        (CARDS[:1], CARDS[:1]),
        ([CARDS[0], "DCIM/100/IMG_1.JPG"], ["DCIM/100/IMG_1.JPG"]),
        ([CARDS[0], "x/Beech/DCIM/100/IMG_1.JPG"], ["x/Beech/DCIM/100/IMG_1.JPG"]),
        (["2025/Beech/DCIM/100/IMG_1.JPG", "2026/Beech/DCIM/100/IMG_1.JPG"], []),
        (["IMG_1.JPG", "Beech/DCIM/100/IMG_1.JPG"], ["Beech/DCIM/100/IMG_1.JPG"]),
        ([CARDS[0], "Beech/DCIM/101/IMG_1.JPG"], [CARDS[0], "Beech/DCIM/101/IMG_1.JPG"]),
    ],
)
def test_several_entries_for_one_image_are_not_matched(told: list[str], taken: list[str]) -> None:
    made = make(told, ("Beech", "DCIM/100/IMG_1.JPG"), ("Beech", "DCIM/101/IMG_1.JPG"))
    found = {path: made.find(path) for path in told}
    assert [path for path, one in found.items() if isinstance(one, ImageMatch)] == taken
    assert {one.kind for one in found.values() if isinstance(one, NoImageMatch)} <= {
        FaultKind.AMBIGUOUS
    }
    made.close()


def test_entries_of_other_deployments_do_not_compete() -> None:
    made = make(None, ("Beech", "DCIM/IMG_1.JPG"), ("Ash", "DCIM/IMG_1.JPG"))
    for place, path in (
        ("b", "1/DCIM/IMG_1.JPG"),
        ("a", "2/DCIM/IMG_1.JPG"),
        ("c", "3/DCIM/IMG_1.JPG"),
    ):
        made.add_entry(path, place)
    made.complete()
    made.add_places({"b": key("Beech"), "a": key("Ash")})
    for home, path in (("Beech", "1/DCIM/IMG_1.JPG"), ("Ash", "2/DCIM/IMG_1.JPG")):
        found = made.find(path, key(home))
        assert isinstance(found, ImageMatch), found
        assert found.id == key(f"{home}DCIM/IMG_1.JPG")
    made.close()


def test_known_deployment_decides(several: ImageIndex) -> None:
    found = several.find("IMG_1.JPG", key("Ash"))
    assert isinstance(found, ImageMatch)
    assert found.id == key("AshDCIM/100/IMG_1.JPG")
    assert several.find_by_id(key("AshIMG_2.JPG")) == ImageMatch(
        key("AshIMG_2.JPG"), Frame(200, 100)
    )
    assert several.find_by_id(key("none")) is None
