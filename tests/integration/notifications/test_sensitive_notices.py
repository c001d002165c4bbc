"""E-mails about deployments whose location is withheld from their reader."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from tests.support.mail_server import SYSTEM, MailBox, running_mail_server, spoken_to
from tests.support.sensitive_project import NAME, SECRETS, make_reserve

from trapline.server.notifications.actions import notice_emails
from trapline.server.platform.app_context import AppContext


@pytest.fixture
async def box() -> AsyncIterator[MailBox]:
    async with running_mail_server() as box:
        yield box


@pytest.mark.parametrize("is_tightened", [False, True])
async def test_an_email_names_a_deployment_as_its_reader_sees_it(
    system: AppContext, box: MailBox, *, is_tightened: bool
) -> None:
    post = replace(system, mail_server=spoken_to(box.port), public_url="https://station.example")
    reserve = await make_reserve(post)
    source = {"name": "fig_0001.jpg feed", "base_url": "http://camera.example/", "gateway": "http"}
    body = source | {"deployment": reserve.hidden}
    await reserve.call("owner", "POST", "/image-pull-sources", body, 201)
    await reserve.restrict(viewer="0.1")
    for role in ("viewer", "manager"):
        for kind in ("deployment_silent", "source_silent"):
            wanted = {"project": reserve.field.project, "kind": kind, "silent_for_h": 1}
            await reserve.call(role, "POST", "/notification-subscriptions", wanted, 201)
    for table in ("deployments", "images", "pull_sources"):
        await reserve.field.change(f"update {table} set created_at = now() - interval '9 days'")
    await reserve.field.change("update pull_sources set updated_at = now() - interval '9 days'")
    await notice_emails.record_silences(post, SYSTEM)
    if is_tightened:
        await reserve.restrict(viewer="0.1", reviewer="0.1", manager="0.1")
    while await notice_emails.send_emails(post, SYSTEM, 0, 900):
        pass
    texts = sorted(f"{one.subject}\n{one.text}" for one in box.handed)
    assert len(texts) == 4
    revealing = [text for text in texts if any(secret in text for secret in SECRETS)]
    assert len(revealing) == (0 if is_tightened else 2), "those of the manager"
    about_sources = [text for text in revealing if NAME not in text]
    assert len(about_sources) == (0 if is_tightened else 1)
    assert all("fig_0001.jpg feed" in text for text in about_sources)
    shown = f"Deployment {reserve.hidden.replace('-', '')[-12:]}"
    assert sum(shown in text for text in texts) == (2 if is_tightened else 1)
