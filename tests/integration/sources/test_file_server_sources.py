"""FTP and SFTP sources end to end: created over HTTP with credentials, run, images imported."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.file_servers import (
    HOST_KEY,
    PASSWORD,
    USER,
    USER_KEY,
    public,
    pyftpd,
    ssh_server,
)
from tests.support.image_factory import make_jpeg
from tests.support.source_client import PATH, Desk, open_desk

from trapline.server.platform.app_context import AppContext

NAMES = ["IMG_0001.JPG", "Füchse & Dachse #1.jpg", "100MEDIA/IMG_0001.JPG"]
SIGN_IN = {"auth_type": "basic", "auth_username": USER, "auth_password": PASSWORD}
KEY = USER_KEY.export_private_key().decode()


@pytest.fixture
async def desk(system: AppContext) -> AsyncIterator[Desk]:
    async with open_desk(system) as seated:
        yield seated


@pytest.fixture
def box(tmp_path: Path) -> Path:
    folder = tmp_path / "box"
    for number, name in enumerate(NAMES):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(make_jpeg(number))
    return folder


async def test_an_ftp_box_is_pulled(
    desk: Desk, box: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pyftpd(box) as port:
        desk.reach(port)
        made = await desk.make(f"ftp://127.0.0.1:{port}/", **SIGN_IN)
        assert made.status_code == 201, made.text
        source = made.json()
        assert (source["gateway"], source["auth_username"], source["has_password"]) == (
            "ftp",
            USER,
            True,
        )
        run = await desk.run(source["id"])
        assert (run["state"], run["listed"], run["imported"]) == ("completed", 3, 3), run
        again = await desk.run(source["id"])
        assert (again["listed"], again["new"]) == (3, 0)
        for elsewhere in (
            f"ftp://127.0.0.1:{port + 1}/",
            "ftp://other.example/",
            f"ftps://127.0.0.1:{port}/",
        ):
            moved = await desk.client.patch(f"{PATH}/{source['id']}", json={"base_url": elsewhere})
            assert moved.status_code == 422, "the password is not kept for another server"
        await desk.client.patch(f"{PATH}/{source['id']}", json={"auth_password": "not it 4711"})
        failed = await desk.run(source["id"])
        assert failed["state"] == "failed"
        assert "check user name and password" in failed["error"]
    told = await desk.all_told() + capsys.readouterr().out
    assert PASSWORD not in told
    assert "not it 4711" not in told


async def test_an_sftp_box_is_pulled_once_its_key_is_known(
    desk: Desk, box: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with ssh_server(box) as place:
        desk.reach(place.port)
        sign_in = {"auth_type": "basic", "auth_username": USER}
        made = await desk.make(f"sftp://127.0.0.1:{place.port}/", **sign_in, options={"key": KEY})
        assert made.status_code == 201, made.text
        source = made.json()
        assert (source["gateway"], source["secret_options"], source["options"]) == (
            "sftp",
            ["key"],
            {},
        )
        unknown = await desk.run(source["id"])
        assert unknown["state"] == "failed"
        assert public(HOST_KEY) in unknown["error"]
        assert place.tried == []
        known = await desk.client.patch(
            f"{PATH}/{source['id']}", json={"options": {"host_key": public(HOST_KEY)}}
        )
        assert known.status_code == 200, known.text
        assert known.json()["secret_options"] == ["key"]
        run = await desk.run(source["id"])
        assert (run["state"], run["listed"], run["imported"]) == ("completed", 3, 3), run
        again = await desk.run(source["id"])
        assert (again["listed"], again["new"]) == (3, 0)
        elsewhere = await desk.client.patch(
            f"{PATH}/{source['id']}", json={"base_url": "sftp://elsewhere.example/"}
        )
        assert elsewhere.status_code == 422, "the key is not kept for another server"
    told = await desk.all_told() + capsys.readouterr().out
    assert KEY.splitlines()[2] not in told


@pytest.mark.parametrize(
    ("base_url", "settings", "words"),
    [
        ("ftp://box.example/", {"auth_type": "bearer", "auth_password": "pw4711"}, "none or basic"),
        ("ftp://box.example/", SIGN_IN | {"auth_password": "pw4711\nQUIT"}, "single line"),
        ("ftp://ranger:pw4711@box.example/", {}, "auth_username"),
        ("sftp://box.example/", {}, "must be basic"),
        ("sftp://box.example/", {"auth_type": "basic", "auth_username": USER}, "private key"),
        ("sftp://box.example/", SIGN_IN | {"options": {"key": "pw4711"}}, "not a private key"),
        (
            "sftp://box.example/",
            SIGN_IN | {"options": {"host_key": "pw4711"}},
            "neither a public key",
        ),
        ("ftp://box.example/", {"options": {"key": "pw4711"}}, "options"),
    ],
)
async def test_settings_that_cannot_work_are_refused_in_words(
    desk: Desk, base_url: str, settings: dict[str, Any], words: str
) -> None:
    answer = await desk.make(base_url, **settings)
    assert answer.status_code == 422, answer.text
    assert words in answer.text
    assert "pw4711" not in answer.text
