"""Notices over HTTP: each user manages only their own."""

from dataclasses import replace

import httpx2
import pytest
from tests.integration.notifications.test_notices import box, grounds, post
from tests.support.api_application import application_of
from tests.support.mail_server import MailBox, Post

from trapline.server.app.http.application import wrap_middleware

__all__ = ["box", "grounds", "post"]

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_over_http_everybody_has_their_own(post: Post, box: MailBox) -> None:
    transport = httpx2.ASGITransport(wrap_middleware(application_of(post.system)))
    async with httpx2.AsyncClient(transport=transport, base_url="http://trapline.test") as client:
        await use_over_http(client, post, box)


async def use_over_http(client: httpx2.AsyncClient, post: Post, box: MailBox) -> None:
    owner, viewer = (
        {"Authorization": f"Bearer {post.house.tokens[role]}"} for role in ("owner", "viewer")
    )
    body = {"project": post.project, "kind": "source_silent"}
    made = await client.post("/api/v2/notification-subscriptions", json=body, headers=owner)
    assert (made.status_code, made.json()["silent_for_h"]) == (201, 24)
    audited = await client.get("/api/v2/audit", params={"kind": "notice"}, headers=owner)
    assert audited.json()["results"][0]["action"] == "ask"
    again = await client.post(
        "/api/v2/notification-subscriptions", json={**body, "silent_for_h": 5}, headers=owner
    )
    assert (again.json()["id"], again.json()["silent_for_h"]) == (made.json()["id"], 5)
    listed = (await client.get("/api/v2/notification-subscriptions", headers=owner)).json()
    assert (listed["count"], listed["address"], listed["can_be_sent"]) == (
        1,
        "owner@house.example",
        True,
    )
    assert (await client.get("/api/v2/notification-subscriptions", headers=viewer)).json()[
        "results"
    ] == []
    path = f"/api/v2/notification-subscriptions/{made.json()['id']}"
    assert (await client.delete(path, headers=viewer)).status_code == 404
    for wrong in (
        {"kind": "class_seen"}, {"kind": "class_seen", "class_name": ""},
        {"kind": "job_failed", "silent_for_h": 3},
        {"kind": "class_seen", "class_name": "a\x00b"},
        {"kind": "job_failed", "class_name": "lynx"}, {"kind": "other"},
        {"kind": "source_silent", "silent_for_h": 0},
        {"kind": "class_seen", "class_name": "x", "confidence_min": 2},
    ):  # fmt: skip
        refused = await client.post(
            "/api/v2/notification-subscriptions",
            json={"project": post.project, **wrong},
            headers=owner,
        )
        assert refused.status_code == 422, wrong
    tried = await client.post("/api/v2/notification-subscriptions/test", headers=viewer)
    assert tried.json() == {"address": "viewer@house.example", "sent": True, "error": None}
    assert box.handed[-1].recipients == ["viewer@house.example"]
    box.answer = "452 full"
    assert (
        "452 full"
        in (await client.post("/api/v2/notification-subscriptions/test", headers=viewer)).json()[
            "error"
        ]
    )
    assert (await client.delete(path, headers=owner)).status_code == 204
    client_of_none = httpx2.ASGITransport(
        wrap_middleware(application_of(replace(post.system, mail_server=None)))
    )
    async with httpx2.AsyncClient(
        transport=client_of_none, base_url="http://trapline.test"
    ) as without:
        refused = await without.post("/api/v2/notification-subscriptions", json=body, headers=owner)
        assert (refused.status_code, "TRAPLINE_SMTP_URL" in refused.json()["detail"]) == (409, True)
        assert (await without.get("/api/v2/notification-subscriptions", headers=owner)).json()[
            "can_be_sent"
        ] is False
