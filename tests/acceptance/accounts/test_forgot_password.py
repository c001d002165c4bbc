"""A user who forgot the password gets a link by e-mail, and signs in with a new one."""

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Mailbox
from playwright.sync_api import expect
from tests.support.accessibility_checker import find_barriers, read_axe
from tests.support.browser_session import open_tab
from tests.support.running_server import wait_for
from tests.support.signed_in_browser import Seat

from trapline.wire.users import NewUser

pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning"
)  # of playwright's own sockets at its end
ADDRESS = "forgetful@example.org"


def test_a_forgotten_password_is_replaced_by_email(seat: Seat, tmp_path: Path) -> None:
    url = seat.server.base_url
    with seat.server.open() as owner:
        invited = owner.invite_user(NewUser(email=ADDRESS, name="Fay"))
    context = seat.browser.new_context(base_url=url)
    body = {"link": invited.link.url.partition("#")[2], "password": "the first long password"}
    assert context.request.post("/api/v2/auth/link", data=body).ok
    context.close()
    port = urlsplit(seat.server.settings["TRAPLINE_SMTP_URL"]).port
    assert port is not None
    handed = Mailbox(tmp_path / "mail")
    controller = Controller(handed, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        with open_tab(seat.browser, url, size="phone") as tab:
            page = tab.open("/sign-in")
            page.get_by_role("link", name="Forgot password?").click()
            expect(page.get_by_role("heading", name="Forgot password")).to_be_visible()
            expect(page.get_by_text("trapline user reset")).to_be_visible()
            assert find_barriers(page, read_axe()) == []
            page.get_by_label("E-mail").fill("nobody@example.org")
            page.get_by_role("button", name="Send link").click()
            # It does not show whether the account exists.
            expect(page.get_by_text("If an active account has")).to_be_visible()
            page.get_by_role("link", name="Back to the sign-in page").click()
            page.get_by_role("link", name="Forgot password?").click()
            page.get_by_label("E-mail").fill(ADDRESS)
            page.get_by_role("button", name="Send link").click()
            expect(page.get_by_text(f"has the address {ADDRESS}")).to_be_visible()
            wait_for("the e-mail", lambda: len(list(handed.mailbox)) == 1)
            [mail] = list(handed.mailbox)
            assert mail["To"] == ADDRESS
            payload = mail.get_payload(decode=True)
            assert isinstance(payload, bytes)
            text = payload.decode()
            [secret] = re.findall(r"/welcome(#\S+)", text.replace("=\n", ""))
            page = tab.open(f"/welcome{secret}")
            page.get_by_label("Password").fill("the second long password")
            page.get_by_role("button", name="Set the password and sign in").click()
            expect(page).not_to_have_url(re.compile("welcome"))
            tab.expect_nothing_wrong()
    finally:
        controller.stop()
