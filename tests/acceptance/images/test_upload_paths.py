"""Images with one name in several folders: all uploads keep the paths and report omitted files."""

import hashlib
import io
import json
from pathlib import Path

import httpx2
import pytest
from PIL import Image
from playwright.sync_api import expect
from tests.support.browser_session import Watched
from tests.support.running_server import RunningServer
from tests.support.signed_in_browser import Seat, wait_for_picture

from trapline.client import staged_files
from trapline.wire.projects import NewProject

NAMES = ["100RECNX/RCNX0001.JPG", "101RECNX/RCNX0001.JPG", "RCNX0001.JPG"]
OTHERS = ["100RECNX/clip.AVI", "clip.mp4", "notes.txt", "raw.NEF"]


def draw(shade: int) -> bytes:
    """An image of one colour."""
    out = io.BytesIO()
    Image.new("RGB", (64, 48), (shade, 90, 40)).save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def card(tmp_path: Path) -> Path:
    """A memory card: three images of one name, files that are not images, and a hidden one."""
    folder = tmp_path / "card"
    for shade, name in enumerate(NAMES):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(draw(40 * shade))
    for name in OTHERS:
        (folder / name).write_bytes(b"not an image")
    (folder / ".hidden.jpg").write_bytes(draw(200))
    return folder


def make_project(server: RunningServer, name: str) -> int:
    """A project without images."""
    with server.open() as owner:
        return owner.create_project(NewProject(name=name)).id


def list_paths(server: RunningServer, project: int) -> list[str]:
    """The path of each image, or its name where it has no path, as lists of the API have it."""
    with server.open() as owner:
        found = owner.list_images(project=project).results
    assert {one.filename for one in found} == {"RCNX0001.JPG"}
    return sorted(one.source_path or one.filename for one in found)


def test_the_command_line_keeps_paths_and_names_what_it_leaves_out(
    server: RunningServer, card: Path
) -> None:
    project = make_project(server, "Paths by command")
    told = server.call("images", "upload", str(card), "--project", str(project))
    assert "3 imported" in told.stdout
    assert all(f"  {name}\n" in told.stderr for name in OTHERS), told.stderr
    assert "1 hidden files" in told.stderr
    assert list_paths(server, project) == NAMES
    listed = server.call("images", "list", "--project", str(project)).stdout
    assert all(name in listed for name in NAMES)
    again = json.loads(
        server.call("images", "upload", str(card), "--project", str(project), "--json").stdout
    )
    assert (again["duplicate"], again["left_out"], again["hidden"]) == (3, OTHERS, 1)


@pytest.mark.parametrize("is_staged", [False, True])
def test_the_client_keeps_paths(
    server: RunningServer, card: Path, monkeypatch: pytest.MonkeyPatch, is_staged: bool
) -> None:
    if is_staged:
        monkeypatch.setattr(staged_files, "STAGED_FROM_FILES", 2)
    project = make_project(server, f"Paths by client {is_staged}")
    with server.open() as owner:
        sent = owner.upload_images(card, project=project)
        assert [(one.path, one.outcome) for one in sent.files] == [
            (name, "imported") for name in NAMES
        ]
        assert sent.left_out == OTHERS
    assert list_paths(server, project) == NAMES


def test_no_name_of_a_file_refuses_its_image(server: RunningServer) -> None:
    project = make_project(server, "Odd names")
    odd = [
        "../../etc/100RECNX/a.jpg",
        "/" + "long/" * 400 + "\u00e4" * 5000 + ".jpg",
        "..",
        "card\\b.jpg",
        "\u202e.jpg",
    ]
    with httpx2.Client(
        base_url=f"{server.base_url}/api/v2",
        headers={"Authorization": f"Bearer {server.token}"},
        trust_env=False,
    ) as caller:
        files = [("files", (name, draw(number), "image/jpeg")) for number, name in enumerate(odd)]
        told = caller.post("/images", data={"project": str(project)}, files=files)
        assert told.status_code == 200, told.text
        assert [one["outcome"] for one in told.json()["files"]] == ["imported"] * len(odd)
        paths = [one["path"] for one in told.json()["files"]]
        new = [
            {
                "filename": name,
                "size": len(draw(100 + at)),
                "sha256": hashlib.sha256(draw(100 + at)).hexdigest(),
            }
            for at, name in enumerate(odd)
        ]
        staged = caller.post("/images/presign", json={"project": project, "files": new})
        assert staged.status_code == 200, staged.text
        assert [one["filename"] for one in staged.json()["files"]] == paths
    assert (paths[0], paths[2:]) == ("etc/100RECNX/a.jpg", ["unnamed", "card/b.jpg", ".jpg"])
    assert paths[1].startswith("long/long/")
    assert len(paths[1]) <= 1024


def test_the_page_keeps_paths_and_names_what_it_leaves_out(
    seat: Seat, tab: Watched, card: Path
) -> None:
    project = make_project(seat.server, "Paths by page")
    with seat.server.open() as owner:
        owner.upload_images([card / NAMES[2]], project=project)
    page = tab.open(f"/projects/{project}/images")
    page.get_by_role("button", name="Upload").first.click()
    page.get_by_test_id("folder").set_input_files(card)
    left_out = page.get_by_test_id("upload-left-out")
    left_out.locator("summary").click()
    for name in OTHERS:
        expect(left_out).to_contain_text(f"card/{name}")
    expect(left_out).to_contain_text("1 hidden file is not uploaded.")
    page.get_by_role("button", name="Upload 3 files").click()
    expect(page.get_by_text("2 images imported. 1 already here.")).to_be_visible()
    expect(page.get_by_test_id("upload-list")).to_contain_text("card/100RECNX/RCNX0001.JPG")
    with seat.server.open() as owner:
        found = {one.source_path: one.id for one in owner.list_images(project=project).results}
    assert found.keys() == {"card/100RECNX/RCNX0001.JPG", "card/101RECNX/RCNX0001.JPG", None}
    tab.open(f"/projects/{project}/images/{found['card/101RECNX/RCNX0001.JPG']}")
    wait_for_picture(page)
    expect(page.get_by_test_id("panel")).to_contain_text("card/101RECNX/RCNX0001.JPG")
    tab.expect_nothing_wrong()
