"""Notices: recipients, content and frequency, without loss, delay or disclosure."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from uuid import UUID

import pytest
import pytest_asyncio
from tests.conftest import open_own_system
from tests.support.mail_server import SYSTEM, MailBox, Post, running_mail_server, spoken_to
from tests.support.project_with_roles import House, build_house
from tests.support.webhook_receiver import Office

from trapline.server.app.background.background_process import build_loops
from trapline.server.notifications.actions import notice_emails, notices
from trapline.server.notifications.background.deliveries import DeliverySender
from trapline.server.notifications.queries.notice_emails import claim_emails
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.postgres.postgres import Postgres, find_free_port
from trapline.wire.auth import Role
from trapline.wire.identifications import IdentificationKind
from trapline.wire.notices import NoticeKind

pytestmark = pytest.mark.asyncio(loop_scope="module")

FAILED, SEEN = NoticeKind.JOB_FAILED, NoticeKind.CLASS_SEEN


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def grounds(
    postgres: Postgres, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[AppContext, House]]:
    """One database for all of these: each begins without any notice."""
    async with open_own_system(postgres, template, tmp_path_factory.mktemp("store")) as system:
        yield system, await build_house(system, "house")


@pytest_asyncio.fixture(loop_scope="module")
async def box() -> AsyncIterator[MailBox]:
    async with running_mail_server() as box:
        yield box


@pytest_asyncio.fixture(loop_scope="module")
async def post(grounds: tuple[AppContext, House], box: MailBox) -> Post:
    system = replace(
        grounds[0], mail_server=spoken_to(box.port), public_url="https://station.example"
    )
    post = Post(system, grounds[1], box)
    await post.tidy()
    return post


async def test_a_failed_job_is_told_in_one_plain_e_mail(post: Post, box: MailBox) -> None:
    await post.ask(FAILED)
    await post.fail_job("Nächte\r\nBcc: eve@evil.example\u202e")
    await post.send()
    await post.send()
    [got] = box.handed
    assert (got.sender, got.recipients) == ("trapline@station.example", ["owner@house.example"])
    assert got.subject == "[house] the job “Nächte Bcc: eve@evil.example” has failed"
    assert set(got.message.keys()) >= {
        "From",
        "To",
        "Subject",
        "Date",
        "Message-ID",
        "Auto-Submitted",
    }
    assert "Bcc" not in got.message
    assert got.message.get_content_type() == "text/plain"
    assert (
        abs((datetime.now(UTC) - parsedate_to_datetime(got.message["Date"])).total_seconds()) < 60
    )
    base = f"https://station.example/projects/{post.project}"
    assert got.text.splitlines()[:2] == ["In the project “house”:", ""]
    assert f"{base}/jobs/{post.house.ids['job_id']}" in got.text
    assert got.text.rstrip().endswith(f"{base}/settings/notices")
    [(mail, state)] = await post.sql("select id, state from notice_mails")
    assert (got.message["Message-ID"], state) == (f"<{mail}@station.example>", "delivered")
    [shown] = (
        await notices.list_notices(post.system, await post.scope_of(Role.OWNER), None, 50, None)
    ).results
    assert shown.last_sent_at is not None
    assert shown.last_error is None


async def test_events_of_a_short_period_are_one_e_mail(post: Post, box: MailBox) -> None:
    await post.ask(FAILED)
    await post.fail_job("first")
    await post.send(gather_s=60)
    assert box.handed == [], "it may be the first of many"
    for number in range(24):
        await post.fail_job(f"job {number}")
    await post.send()
    assert box.handed[0].subject == "[house] 25 jobs have failed"
    assert box.handed[0].text.count("has failed (") == 20
    assert "And 5 more." in box.handed[0].text
    await post.fail_job("later")
    await post.send()
    assert len(box.handed) == 1, "the next one waits until a quarter of an hour is over"
    await post.let_pass(hours=0.26)
    await post.send()
    assert [one.subject for one in box.handed[1:]] == ["[house] the job “later” has failed"]


async def test_background_processes_send_what_is_a_minute_old(post: Post, box: MailBox) -> None:
    await post.ask(FAILED)
    await post.fail_job()
    loops = {loop.name: loop for loop in build_loops(post.system)}
    await loops["e-mails"].step()
    assert box.handed == []
    await post.sql("update notice_events set created_at = now() - interval '61 seconds'")
    for name in ("silences", "old e-mails", "e-mails"):
        await loops[name].step()
    assert len(box.handed) == 1


async def test_a_class_is_told_from_its_least_confidence_on(post: Post, box: MailBox) -> None:
    await post.ask(SEEN, class_name="lynx", confidence_min=0.8)
    await post.ask(SEEN, Role.VIEWER, class_name="bear")
    await post.see("lynx", 0.5)
    await post.see("fox", 0.99)
    await post.send()
    assert box.handed == []
    await post.see("lynx", 0.9)
    await post.see("lynx", 0.95)
    await post.see("bear", 0.15)
    await post.send()
    assert len(box.handed) == 1, "a detection below the project's threshold is no observation"
    await post.see("bear", 0.3)
    await post.send()
    told = {one.recipients[0]: one for one in box.handed}
    assert set(told) == {"owner@house.example", "viewer@house.example"}
    lynx = told["owner@house.example"]
    assert lynx.subject == "[house] lynx on 1 image"
    assert "lynx on 1 image, maximum confidence 90%." in lynx.text
    assert f"/images/{post.house.ids['image_id']}" in lynx.text


async def test_a_class_that_a_person_names_is_told(post: Post, box: MailBox) -> None:
    await post.ask(SEEN, class_name="lynx", confidence_min=0.8)
    await post.ask(SEEN, Role.VIEWER, class_name="bobcat", confidence_min=0.8)
    await post.see("bobcat", 0.5)
    await post.say(IdentificationKind.CORRECT, "lynx")
    await post.see("bobcat", 0.9)
    await post.send()
    [got] = box.handed
    assert got.recipients == ["owner@house.example"], "a model does not overrule a person"
    assert got.subject == "[house] lynx on 1 image"
    await post.let_pass(hours=1)
    await post.say(IdentificationKind.BLANK)
    await post.send()
    assert len(box.handed) == 1


async def test_the_images_of_a_class_are_counted_together(post: Post, box: MailBox) -> None:
    await Office(post.system, post.house, DeliverySender(post.system)).add_images(69)
    await post.ask(SEEN, class_name="lynx", confidence_min=0.5)
    await post.ask(SEEN, class_name="bear")
    images = [key for (key,) in await post.sql("select id from images order by id")]
    for place, image in enumerate(images, start=1):
        await post.see("lynx", (10 + place) / 100, image)
    await post.see("bear", 0.4)
    await post.send()
    [got] = box.handed
    assert got.subject == "[house] 2 classes were seen"
    assert "lynx on 31 images, maximum confidence 80%." in got.text
    assert "bear on 1 image, maximum confidence 40%." in got.text
    assert got.text.count("/images/") == 6, "five at most of each class"


async def test_deleted_images_and_projects_tell_nobody(post: Post, box: MailBox) -> None:
    await Office(post.system, post.house, DeliverySender(post.system)).add_images(1)
    await post.ask(SEEN, class_name="lynx")
    await post.ask(FAILED)
    await post.ask(NoticeKind.DEPLOYMENT_SILENT, silent_for_h=1)
    first, other = [
        row[0] for row in await post.sql("select id from images order by created_at, id limit 2")
    ]
    delete = "update images set deleted_at = now() where id = :image"
    await post.see("lynx", 0.9, first)
    await post.sql(delete, image=first)
    await post.send()
    assert box.handed == []
    await post.sql("update images set deleted_at = null")
    await post.see("fox", 0.9, first)
    for image in (first, other):
        await post.see("lynx", 0.9, image)
    await post.sql(delete, image=first)
    await post.send()
    [got] = box.handed
    assert got.subject == "[house] lynx on 1 image"
    assert (str(other) in got.text, str(first) in got.text) == (True, False)
    await post.sql("update images set deleted_at = null")
    await post.sql("update deployments set created_at = now() - interval '9 days'")
    await post.sql("update images set created_at = now() - interval '9 days'")
    await post.fail_job("before")
    await post.sql("update projects set deleted_at = now()")
    await post.fail_job("after")
    await look(post)
    await post.sql("update projects set deleted_at = null")
    assert len(box.handed) == 1
    await look(post)
    assert "silent" in box.handed[1].subject, "as soon as it is restored"


async def test_silence_is_told_once_and_again_after_it_was_heard(post: Post, box: MailBox) -> None:
    ids = post.house.ids
    await post.ask(NoticeKind.DEPLOYMENT_SILENT, silent_for_h=48)
    await post.ask(NoticeKind.SOURCE_SILENT, silent_for_h=3)
    await post.sql(
        "update pull_sources set is_active = true, updated_at = now() - interval '9 hours', "
        "last_error = 'off'"
    )
    await post.sql("update deployments set created_at = now() - interval '9 days'")
    await post.sql(
        "update images set source_id = :source, created_at = now()", source=UUID(ids["source_id"])
    )
    await look(post)
    assert box.handed == []
    await post.sql("update images set created_at = '2026-01-02 03:04:05+00'")
    for _ in range(2):
        await look(post)
    camera, source = sorted(box.handed, key=lambda one: one.subject)
    assert (camera.subject, source.subject) == (
        "[house] the camera “camera” is silent", "[house] the source “feed” is silent",
    )  # fmt: skip
    assert "the last image was received at 2026-01-02 03:04 UTC" in camera.text
    assert f"/deployments/{ids['deployment_id']}" in camera.text
    assert "Its last run failed: off" in source.text
    await post.sql("update images set created_at = now()")
    await look(post)
    await post.sql("update images set created_at = now() - interval '4 hours'")
    await post.let_pass(hours=1)
    await look(post)
    assert [one.subject for one in box.handed[2:]] == ["[house] the source “feed” is silent"]


async def look(post: Post) -> None:
    await notice_emails.record_silences(post.system, SYSTEM)
    await post.send()


async def test_ended_or_paused_deployments_are_not_missed(post: Post, box: MailBox) -> None:
    await post.ask(NoticeKind.DEPLOYMENT_SILENT, silent_for_h=1)
    await post.ask(NoticeKind.SOURCE_SILENT, silent_for_h=1)
    await post.sql("update images set created_at = now() - interval '9 days'")
    await post.sql(
        "update deployments set created_at = now() - interval '9 days', ended_at = now() - "
        "interval '1 day'"
    )
    await post.sql(
        "update pull_sources set is_active = false, updated_at = now() - interval '9 days'"
    )
    await look(post)
    await post.sql("update deployments set ended_at = null, started_at = now() + interval '1 day'")
    await post.sql("update pull_sources set is_active = true, updated_at = now()")
    await look(post)
    assert box.handed == []
    await post.sql("update deployments set started_at = null")
    await look(post)
    assert len(box.handed) == 1


async def test_nothing_is_lost_while_the_mail_server_is_away(post: Post, box: MailBox) -> None:
    await post.ask(FAILED)
    away = Post(replace(post.system, mail_server=spoken_to(find_free_port())), post.house, box)
    await post.fail_job("first")
    await away.send()
    [(state, error, attempts)] = await post.sql(
        "select state, last_error, attempts from notice_mails"
    )
    assert (state, error, attempts) == ("waiting", "the mail server could not be reached", 1)
    await post.fail_job("second")
    box.answer = "451 4.3.0 not now"
    await post.let_pass(hours=1)
    await post.send()
    assert await post.sql("select last_error from notice_mails") == [
        ("the mail server refused the e-mail: 451 4.3.0 not now",)
    ]
    box.answer = "250 OK"
    await post.let_pass(hours=1)
    await post.send()
    await post.send()
    assert [one.subject for one in box.handed] == [
        "[house] the job “first” has failed", "[house] the job “first” has failed",
        "[house] the job “second” has failed",
    ]  # fmt: skip
    assert box.handed[0].message["Message-ID"] == box.handed[1].message["Message-ID"]


async def test_after_a_day_it_is_given_up_and_the_person_can_see_why(
    post: Post, box: MailBox
) -> None:
    await post.ask(FAILED)
    box.answer = "554 5.7.1 unwanted"
    await post.fail_job()
    await post.send()
    await post.let_pass(hours=24)
    await post.send()
    assert await post.sql("select state, attempts from notice_mails") == [("failed", 2)]
    [shown] = (
        await notices.list_notices(post.system, await post.scope_of(Role.OWNER), None, 50, None)
    ).results
    assert shown.last_error == "the mail server refused the e-mail: 554 5.7.1 unwanted"


async def test_an_e_mail_whose_process_died_is_sent_by_another(post: Post, box: MailBox) -> None:
    await post.ask(FAILED)
    await post.fail_job()
    box.slow = 30
    sending = asyncio.create_task(post.send())
    await post.wait("the e-mail", lambda: len(box.handed) == 1)
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    box.slow = 0
    await post.send()
    assert len(box.handed) == 1, "it is the first process's for a minute"
    await post.let_pass(hours=0.1)
    async with asyncio.timeout(5), post.system.database.transaction(SYSTEM) as tx:
        assert len(await claim_emails(SYSTEM, tx, 4, 0)) == 1
        await post.send()
        assert len(box.handed) == 1, "it is another process's by now, and nobody waits for that"
    await asyncio.gather(*[post.send() for _ in range(3)])
    assert len(box.handed) == 2, "several processes share the work"
    assert len({one.message["Message-ID"] for one in box.handed}) == 1


async def test_subscribers_without_rights_get_nothing(post: Post, box: MailBox) -> None:
    for role in (Role.OWNER, Role.VIEWER):
        await post.ask(FAILED, role)
    await post.fail_job()
    await post.send(gather_s=0)
    box.handed.clear()
    await post.let_pass(hours=1)
    await post.fail_job("secret")
    async with post.system.database.transaction(SYSTEM) as tx:
        await tx.execute(
            "update users set deactivated_at = now() where email = 'viewer@house.example'"
        )
    await post.send()
    assert [one.recipients for one in box.handed] == [["owner@house.example"]]
    await post.sql("update users set deactivated_at = null")
    await post.fail_job("more secrets")
    [[user]] = await post.sql("delete from members where role = 'viewer' returning user_id")
    await post.let_pass(hours=1)
    await post.send()
    assert all(one.recipients == ["owner@house.example"] for one in box.handed)
    assert await post.sql("select 1 from notices where user_id = :user", user=user) == []
    await post.sql(
        "insert into members (project_id, user_id, role) values (:project, :user, 'viewer')",
        project=post.project, user=user,
    )  # fmt: skip


async def test_rolled_back_or_ended_states_send_no_event(post: Post, box: MailBox) -> None:
    notice = await post.ask(FAILED)
    await post.fail_job()
    await notices.delete_notice(post.system, await post.scope_of(Role.OWNER), notice.id)
    await post.send()
    assert box.handed == []
    assert await post.sql("select 1 from notice_events") == []


async def test_a_notice_that_is_being_ended_holds_no_job_up(post: Post) -> None:
    await post.ask(FAILED)
    async with post.system.database.transaction(SYSTEM) as tx:
        await tx.execute("select from notices for update")
        async with asyncio.timeout(5):
            await post.fail_job()
    assert await post.sql("select 1 from job_moves") != []


async def test_without_a_mail_server_nothing_piles_up(post: Post) -> None:
    await post.ask(FAILED)
    await post.fail_job()
    without = replace(post.system, mail_server=None)
    assert await notice_emails.send_emails(without, SYSTEM, 0) is False
    await post.sql("update notice_events set created_at = now() - interval '3 days'")
    await notice_emails.purge_emails(without, SYSTEM)
    assert await post.sql("select 1 from notice_events") == []
