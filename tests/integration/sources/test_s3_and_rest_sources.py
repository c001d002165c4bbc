"""S3 and JSON API sources end to end: created over HTTP with options, run, images imported."""

from base64 import b64encode
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from tests.support.image_factory import make_jpeg
from tests.support.json_api_server import MAPPING, json_feed
from tests.support.s3_server import BUCKET, READER, WRITER, S3Server
from tests.support.scripted_server import ToldServer, say, told_server
from tests.support.source_client import PATH, Desk, open_desk

from trapline.server.platform.app_context import AppContext

NAMES = ["IMG_0001.JPG", "Füchse & Dachse #1.jpg", "100MEDIA/what?.jpg"]
SECRET = "canary-4711"


@pytest.fixture
async def desk(system: AppContext) -> AsyncIterator[Desk]:
    async with open_desk(system) as seated:
        yield seated


async def put(s3: S3Server, prefix: str) -> None:
    async with httpx2.AsyncClient(trust_env=False, timeout=30) as client:
        for number, name in enumerate(NAMES):
            address = f"{s3.endpoint}/{BUCKET}/{prefix}/{name}"
            signed = WRITER.presign("PUT", address, lifetime_s=60, now=datetime.now(UTC))
            assert (await client.put(signed, content=make_jpeg(number))).is_success


async def test_a_bucket_is_pulled_and_its_secret_never_comes_back(
    desk: Desk, s3: S3Server, capsys: pytest.CaptureFixture[str]
) -> None:
    prefix = f"camera {uuid4()}"
    await put(s3, prefix)
    desk.reach(s3.port)
    options = {
        "endpoint": s3.endpoint,
        "region": READER.region,
        "key": READER.access_key_id,
        "secret": READER.secret_access_key,
    }
    made = await desk.make(f"s3://{BUCKET}/{prefix}", options=options)
    assert made.status_code == 201, made.text
    source = made.json()
    assert (source["gateway"], source["secret_options"]) == ("s3", ["secret"])
    assert source["options"] == {name: value for name, value in options.items() if name != "secret"}
    run = await desk.run(source["id"])
    assert (run["state"], run["listed"], run["imported"]) == ("completed", 3, 3), run
    assert await desk.images() == {name.rpartition("/")[2] for name in NAMES}
    again = await desk.run(source["id"])
    assert (again["listed"], again["new"]) == (3, 0)
    kept = await desk.client.patch(
        f"{PATH}/{source['id']}", json={"options": {**options, "secret": None}}
    )
    assert kept.status_code == 422, "a key without a secret is not accepted"
    wrong = await desk.client.patch(
        f"{PATH}/{source['id']}", json={"options": {**options, "secret": SECRET}}
    )
    assert wrong.status_code == 200
    failed = await desk.run(source["id"])
    assert failed["state"] == "failed"
    assert "check `secret`" in failed["error"]
    public = await desk.client.patch(
        f"{PATH}/{source['id']}", json={"options": {"endpoint": s3.endpoint, "secret": None}}
    )
    assert (public.status_code, public.json()["secret_options"]) == (200, [])
    told = await desk.all_told() + capsys.readouterr().out
    assert READER.secret_access_key not in told
    assert SECRET not in told


async def test_a_json_interface_is_pulled_and_its_token_never_comes_back(
    desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, name in enumerate(NAMES):
        (tmp_path / "root" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "root" / name).write_bytes(make_jpeg(number))
    with json_feed(tmp_path / "root", tmp_path) as url:
        desk.reach(httpx2.URL(url).port or 0)
        mapping = MAPPING.model_dump(exclude_none=True)
        made = await desk.make(
            url,
            gateway="rest",
            auth_type="bearer",
            auth_password=SECRET,
            options={"mapping": mapping},
        )
        assert made.status_code == 201, made.text
        source = made.json()
        assert (source["gateway"], source["options"]["mapping"], source["has_password"]) == (
            "rest",
            mapping,
            True,
        )
        run = await desk.run(source["id"])
        assert (run["state"], run["listed"], run["imported"]) == ("completed", 3, 3), run
        assert await desk.images() == {name.rpartition("/")[2] for name in NAMES}
        again = await desk.run(source["id"])
        assert (again["listed"], again["new"]) == (3, 0)
        mapping["items"] = "nowhere"
        changed = await desk.client.patch(
            f"{PATH}/{source['id']}", json={"options": {"mapping": mapping}}
        )
        assert changed.status_code == 200, changed.text
        assert changed.json()["gateway"] == "rest", "omitted fields keep their values"
        assert "no list at 'nowhere'" in (await desk.run(source["id"]))["error"]
    told = await desk.all_told() + capsys.readouterr().out
    assert SECRET not in told


S3, REST = "s3://bucket/camera", "https://api.example/files"


WRONG: list[tuple[str, dict[str, Any], str]] = [
    (S3, {"options": {"key": "a"}}, "both options"),
    (S3, {"options": {"secret": "pw4711"}}, "both options"),
    (S3, {"options": {"key": "a", "secret": "pw4711", "regoin": "x"}}, "options.regoin"),
    (
        S3,
        {"options": {"key": "a", "secret": "pw4711", "region": "evil.example/#"}},
        "options.region",
    ),
    (S3, {"options": {"key": "a", "secret": ["pw4711"]}}, "options.secret"),
    (
        S3,
        {"options": {"endpoint": "https://ranger:pw4711@a.example"}},
        "must not contain a user name",
    ),
    (S3, {"options": {"endpoint": "ftp://a.example"}}, "http"),
    (S3, {"auth_type": "bearer", "auth_password": "pw4711"}, "auth_type must be none"),
    ("s3://ranger:pw4711@bucket/camera", {}, "must not contain a user name"),
    ("s3:///camera", {}, "host"),
    (REST, {"gateway": "rest", "options": {"mapping": {"urll": "x"}}}, "options.mapping.urll"),
    (REST, {"gateway": "rest", "options": {"mapping": []}}, "options.mapping"),
    (REST, {"gateway": "rest", "options": {"file_origins": ["cdn.example"]}}, "http"),
    (
        REST,
        {"gateway": "rest", "options": {"file_origins": ["https://a:pw4711@cdn.example"]}},
        "must not contain a user name",
    ),
    (REST, {"options": {"mapping": {}}}, "takes no options"),
]


async def test_options_that_cannot_work_are_refused_in_words(desk: Desk) -> None:
    before = (await desk.client.get(PATH)).json()
    for url, settings, words in WRONG:
        answer = await desk.make(url, **settings)
        assert answer.status_code == 422, (settings, answer.text)
        assert words in answer.text
        assert "pw4711" not in answer.text
    assert (await desk.client.get(PATH)).json() == before


async def test_another_service_does_not_get_the_old_ones_secret(desk: Desk) -> None:
    options = {"endpoint": "https://one.example", "key": "a", "secret": "old"}
    path = f"{PATH}/{(await desk.make(S3, options=options)).json()['id']}"
    for other in (
        {"endpoint": "https://two.example", "key": "a"},
        {"key": "a"},
        {"key": "a", "region": "eu-west-1"},
    ):
        moved = await desk.client.patch(path, json={"options": other})
        assert moved.status_code == 422, moved.text
        assert "options.secret" in moved.text
    same = {"endpoint": "https://one.example/", "key": "a", "region": "eu-west-1"}
    assert (await desk.client.patch(path, json={"options": same})).status_code == 200
    assert (await desk.client.patch(path, json={"base_url": "s3://other"})).status_code == 200
    given = {**options, "endpoint": "https://two.example", "secret": "new"}
    assert (await desk.client.patch(path, json={"options": given})).status_code == 200


async def test_a_gateway_stays_while_it_can_speak_to_the_address(desk: Desk) -> None:
    path = f"{PATH}/{(await desk.make(REST, gateway='rest')).json()['id']}"
    for change, gateway in (
        ({"schedule": "*/15 * * * *"}, "rest"),
        ({"base_url": "https://api.example/other"}, "rest"),
        ({"base_url": "s3://bucket"}, "s3"),
        ({"base_url": REST}, "http"),
        ({"base_url": REST, "gateway": "rest"}, "rest"),
    ):
        assert (await desk.client.patch(path, json=change)).json()["gateway"] == gateway, change


def sources_at(url: str) -> list[dict[str, Any]]:
    """Return settings of sources that would connect to this URL in different ways."""
    return [
        {"base_url": url},
        {"base_url": url, "gateway": "rest"},
        {"base_url": S3, "options": {"endpoint": url}},
        {"base_url": S3, "options": {"endpoint": url, "key": "key", "secret": SECRET}},
    ]


LOOPBACKS = [
    "127.0.0.1",
    "2130706433",
    "0177.1",
    "0x7f.1",
    "localhost",
    "[::ffff:7f00:1]",
    "[64:ff9b::7f00:1]",
]


async def test_an_inner_service_is_never_connected_to(desk: Desk) -> None:
    async with told_server() as canary:
        for host in (
            "127.0.0.1",
            "2130706433",
            "0177.1",
            "0x7f.1",
            "localhost",
            "[::ffff:7f00:1]",
            "[64:ff9b::7f00:1]",
        ):
            for settings in sources_at(f"http://{host}:{canary.port}"):
                body = {"name": "inner", "location_id": desk.house.ids["deployment_id"], **settings}
                answer = await desk.client.post(f"{PATH}/test", json={"source": body})
                assert (answer.status_code, answer.json()["ok"]) == (200, False), answer.text
                assert any(
                    words in answer.text for words in ("may not connect to", "no connection to")
                )
        assert canary.connections == 0


async def test_no_secret_is_told_however_a_source_fails(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    async with told_server() as server:
        desk.reach(server.port)
        ways = [
            {"auth_type": "basic", "auth_username": "ranger", "auth_password": SECRET},
            {"auth_type": "bearer", "auth_password": SECRET},
            {"auth_type": "header", "auth_header": f"X-API-Key: {SECRET}"},
        ]
        made = [await desk.make(f"{server.url}{number}/", **way) for number, way in enumerate(ways)]
        made += [await desk.make(f"{server.url}rest", gateway="rest", **ways[1])]
        made += [
            await desk.make(S3, options={"endpoint": server.url, "key": "key", "secret": SECRET})
        ]
        for source in made:
            assert source.status_code == 201, source.text
            for answer in bad_answers(server):
                server.answer = lambda _, answer=answer: answer  # type: ignore[misc]
                run = await desk.run(source.json()["id"])
                assert run["state"] == "failed", run
    assert len(server.requests) > 30
    told = await desk.all_told() + capsys.readouterr().out
    for form in (SECRET, b64encode(f"ranger:{SECRET}".encode()).decode(), SECRET.encode().hex()):
        assert form not in told


def bad_answers(server: ToldServer) -> list[bytes]:
    return [
        say("no", 401),
        say("no", 500),
        say("{", Content_Type="application/json", Content_Encoding="gzip"),
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n<",
        b"this is no HTTP\r\n\r\n",
        say("", 302, Location="http://169.254.169.254/"),
        say("", 302, Location=f"{server.url}again"),
    ]
