"""A real mail server on loopback that records e-mails, and users with notices of a project."""

import asyncio
import json
import ssl
import time
import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any
from uuid import UUID

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from sqlalchemy import text

from tests.support.project_with_roles import House
from trapline.server.external.actions import analyses, bulk_annotations
from trapline.server.notifications.actions import notice_emails, notices
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.network.email_sender import Protection, SmtpServer
from trapline.server.review.actions import identifications
from trapline.wire.analyses import AnalysisState, Finalization, NewAnalysis
from trapline.wire.auth import Role
from trapline.wire.identifications import (
    Identification,
    IdentificationKind,
    NewIdentification,
    NewIdentifications,
)
from trapline.wire.notices import NewNotice, Notice, NoticeKind

SYSTEM = Scope.system()
USER, PASSWORD = "trapline", "p@ss:w/rd"
TAKEN = "250 OK"
SENDER = "Trapline <trapline@station.example>"


def spoken_to(port: int, protection: Protection = "none", **more: str) -> SmtpServer:
    return SmtpServer("127.0.0.1", port, protection, SENDER, "station.example", **more)


@dataclass
class Handed:
    """One e-mail as the mail server was handed it."""

    sender: str
    recipients: list[str]
    message: EmailMessage

    @property
    def subject(self) -> str:
        return str(self.message["Subject"])

    @property
    def text(self) -> str:
        content: str = self.message.get_content()
        return content.replace("\r\n", "\n")


@dataclass
class MailBox:
    """E-mails that a server received; it replies `answer` to each of them after `slow` seconds."""

    answer: str = TAKEN
    slow: float = 0
    port: int = 0
    handed: list[Handed] = field(default_factory=list)

    async def handle_DATA(  # noqa: N802 - the library's name
        self,
        server: SMTP,  # noqa: ARG002
        session: Session,  # noqa: ARG002
        envelope: Envelope,
    ) -> str:
        assert isinstance(envelope.content, bytes)
        message = message_from_bytes(envelope.content, policy=default)
        assert isinstance(message, EmailMessage)
        self.handed.append(Handed(str(envelope.mail_from), list(envelope.rcpt_tos), message))
        await asyncio.sleep(self.slow)
        return self.answer


def _authenticate(
    server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: Any
) -> AuthResult:
    fits = isinstance(given, LoginPassword) and (given.login, given.password) == (
        USER.encode(),
        PASSWORD.encode(),
    )
    return AuthResult(
        success=fits,
        handled=fits or False,
        message=None if fits else f"535 no: {given!r} {PASSWORD}",
    )


@asynccontextmanager
async def running_mail_server(
    *, starttls: ssl.SSLContext | None = None, tls: ssl.SSLContext | None = None, asks: bool = False
) -> AsyncIterator[MailBox]:
    """Run a mail server; `asks` requires authentication. It uses implicit TLS or STARTTLS."""
    box, loop = MailBox(), asyncio.get_running_loop()

    def speak() -> SMTP:
        with warnings.catch_warnings():
            # It knows of TLS only where that begins by a command.
            warnings.filterwarnings("ignore", "Requiring AUTH while not requiring TLS")
            return SMTP(
                box,
                loop=loop,
                hostname="mail.example",
                tls_context=starttls,
                require_starttls=starttls is not None,
                auth_required=asks,
                auth_require_tls=starttls is not None,
                authenticator=_authenticate,
            )

    server = await loop.create_server(speak, "127.0.0.1", 0, ssl=tls)
    box.port = server.sockets[0].getsockname()[1]
    try:
        yield box
    finally:
        server.close()
        await server.wait_closed()


@dataclass
class Post:
    """A project, its subscribers, and the mail server that receives the e-mails."""

    system: AppContext
    house: House
    box: MailBox

    @property
    def project(self) -> int:
        return int(self.house.ids["project_id"])

    async def scope_of(self, role: Role) -> Scope:
        [[user]] = await self.sql(
            "select user_id from members where project_id = :project and role = :role",
            project=self.project, role=role.value,
        )  # fmt: skip
        return Scope(actor=f"user:{user}", user_id=user, roles={self.project: role})

    async def ask(self, kind: NoticeKind, role: Role = Role.OWNER, **more: Any) -> Notice:
        wanted = NewNotice(project=self.project, kind=kind, **more)
        return await notices.create_notice(self.system, await self.scope_of(role), wanted)

    async def sql(self, query: str, **parameters: Any) -> Any:
        async with self.system.database.transaction(SYSTEM) as tx:
            done: Any = await tx.session.execute(text(query), parameters)
            return done.all() if done.returns_rows else None

    async def fail_job(self, name: str = "night run") -> None:
        """Let the job of the house fail, as far as its history says."""
        await self.sql(
            "update jobs set name = :name where id = :job",
            name=name,
            job=int(self.house.ids["job_id"]),
        )
        await self.sql(
            "insert into job_moves (job_id, number, project_id, from_state, to_state, actor) "
            "select :job, "
            "coalesce(max(number), 0) + 1, :project, 'processing', 'failed', 'test' from job_moves "
            "where job_id = :job",
            job=int(self.house.ids["job_id"]), project=self.project,
        )  # fmt: skip

    async def see(self, class_name: str, confidence: float, image: UUID | None = None) -> None:
        """Let an external pipeline find a class on an image; its earlier analysis is replaced."""
        key = image or UUID(self.house.ids["image_id"])
        new = NewAnalysis(image_id=key, model_name="watcher", model_version="1")
        analysis = await analyses.create_analysis(self.system, SYSTEM, key, new)
        corners = {"x_min": 1, "y_min": 1, "x_max": 9, "y_max": 9}
        found = {
            "annotation_type": "bounding_box",
            "class_name": class_name,
            "confidence": confidence,
            "data": {**corners, "image_width": 10, "image_height": 10},
        }
        body = json.dumps({"annotations": [found]}).encode()
        await bulk_annotations.post_annotations(self.system, SYSTEM, analysis.id, body, None)
        end = Finalization(status=AnalysisState.COMPLETED)
        await analyses.finalize(self.system, SYSTEM, analysis.id, end, None)

    async def say(self, kind: IdentificationKind, label: str | None = None) -> Identification:
        """Let the owner identify the whole image of the house."""
        said = NewIdentification(kind=kind, images=[UUID(self.house.ids["image_id"])], label=label)
        made = await identifications.create_identifications(
            self.system,
            await self.scope_of(Role.OWNER),
            NewIdentifications(identifications=[said]),
        )
        return made.identifications[0]

    async def send(self, gather_s: float = 0, every_s: float = 900) -> None:
        """Gather what happened and attempt what is due, until there is no more."""
        while await notice_emails.send_emails(self.system, SYSTEM, gather_s, every_s):
            pass

    async def let_pass(self, hours: float) -> None:
        """Let time pass for the e-mails that there are."""
        await self.sql(
            "update notice_mails set created_at = created_at - make_interval(secs => :seconds), "
            "next_attempt_at = next_attempt_at - make_interval(secs => :seconds), "
            "give_up_at = give_up_at - make_interval(secs => :seconds)",
            seconds=hours * 3600,
        )

    async def wait(self, what: str, happened: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 15
        while not happened():
            assert time.monotonic() < deadline, f"never: {what}"
            await asyncio.sleep(0.02)

    async def tidy(self) -> None:
        """Delete every notice and every event."""
        for table in (
            "notices",
            "notice_mails",
            "identifications",
            "observations",
            "observed_classes",
            "job_moves",
        ):
            await self.sql(f"delete from {table}")
        await self.sql("delete from analyses where model_name = 'watcher'")
        await self.sql("update images set created_at = now()")
        await self.sql("update projects set name = 'house'")
