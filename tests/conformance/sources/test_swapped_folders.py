"""A folder source reads only the folder that was checked, even if it is renamed or replaced."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support.image_factory import make_jpeg

from trapline.server.platform.errors import OutboundFailed, TraplineError
from trapline.server.sources.gateways.folder_gateway import FolderGateway, resolve_folder
from trapline.server.sources.gateways.own_folders import identify_own_folders

OWN, FOREIGN = make_jpeg(1), make_jpeg(2)


@pytest.fixture
def media(tmp_path: Path) -> Path:
    media = tmp_path.resolve() / "media"
    for folder, data in (
        ("station/card/DCIM", OWN),
        ("secret/card/DCIM", FOREIGN),
        ("data/DCIM", FOREIGN),
    ):
        (media / folder).mkdir(parents=True)
        (media / folder / "IMG_1.JPG").write_bytes(data)
    return media


@pytest.fixture
async def gateway(media: Path) -> AsyncIterator[FolderGateway]:
    own = (media / "data",)
    folder = resolve_folder((media / "station/card").as_uri(), [media], own)
    gateway = FolderGateway(folder, identify_own_folders(own))
    yield gateway
    await gateway.close()


async def list_paths(gateway: FolderGateway) -> list[str]:
    return [entry.path async for entry in gateway.list_files()]


async def read(gateway: FolderGateway, path: str) -> bytes:
    async with gateway.open_file(path) as file:
        assert file is not None
        return b"".join([chunk async for chunk in file.chunks])


def swap(at: Path, link_to: Path) -> None:
    at.rename(at.with_name("moved"))
    at.symlink_to(link_to)


@pytest.mark.parametrize(
    ("part", "to"),
    [("station/card", "secret/card"), ("station", "secret"), ("station/card", "data")],
)
async def test_a_link_in_place_of_the_judged_folder_is_not_followed(
    media: Path, gateway: FolderGateway, part: str, to: str
) -> None:
    swap(media / part, media / to)
    with pytest.raises(OutboundFailed, match="symbolic link"):
        await list_paths(gateway)
    with pytest.raises(TraplineError, match="symbolic link"):
        await read(gateway, "DCIM/IMG_1.JPG")
    assert await gateway.read_start("DCIM/IMG_1.JPG", 16) is None


@pytest.mark.parametrize(("part", "to"), [("station/card", "secret/card"), ("station", "secret")])
async def test_a_run_reads_the_folder_that_it_listed(
    media: Path, gateway: FolderGateway, part: str, to: str
) -> None:
    assert await list_paths(gateway) == ["DCIM/IMG_1.JPG"]
    swap(media / part, media / to)
    assert await read(gateway, "DCIM/IMG_1.JPG") == OWN
    assert await gateway.read_start("DCIM/IMG_1.JPG", len(OWN)) == OWN
    (media / to).joinpath(
        "DCIM/IMG_2.JPG" if part == "station/card" else "card/DCIM/IMG_2.JPG"
    ).write_bytes(FOREIGN)
    assert await list_paths(gateway) == ["DCIM/IMG_1.JPG"], "the listing also stays in the folder"


async def test_a_folder_of_trapline_that_was_renamed_into_the_place_is_refused(
    media: Path, gateway: FolderGateway
) -> None:
    (media / "station/card").rename(media / "station/moved")
    (media / "data").rename(media / "station/card")
    with pytest.raises(OutboundFailed, match="data folder of Trapline"):
        await list_paths(gateway)
    with pytest.raises(TraplineError, match="data folder of Trapline"):
        await read(gateway, "DCIM/IMG_1.JPG")


async def test_a_sub_folder_that_became_a_link_during_the_walk_is_recorded(
    media: Path, gateway: FolderGateway
) -> None:
    from trapline.server.sources.gateways.gateway import Walk

    def swap_when_judged(path: str) -> None:
        if not (media / "station/card/DCIM").is_symlink():
            (media / "station/card/DCIM").rename(media / "moved")
            (media / "station/card/DCIM").symlink_to(media / "secret/card/DCIM")

    walk = Walk(swap_when_judged)
    assert [entry.path async for entry in gateway.list_files(walk)] == []
    [folder] = walk.folders
    assert folder.path == "DCIM"
    assert "symbolic link" in folder.reason


async def test_a_folder_that_is_missing_fails_the_source_and_not_its_files(
    media: Path, gateway: FolderGateway
) -> None:
    from trapline.server.platform.errors import FileGone

    (media / "station/card").rename(media / "gone")
    with pytest.raises(OutboundFailed) as failed:
        await read(gateway, "DCIM/IMG_1.JPG")
    assert not isinstance(failed.value, FileGone)
