"""The server, the command line and the page report an unavailable NATS server."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from tests.support.browser_session import open_tab
from tests.support.running_server import RunningServer, wait_for
from tests.support.signed_in_browser import sign_in

from trapline.server.platform.postgres.postgres import find_free_port
from trapline.wire.projects import NewProject

pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning"
)  # of playwright's own sockets at its end

WITHIN_S = 60
REASON = "the connection to the NATS server failed ("


@contextmanager
def running_nats(port: int) -> Iterator[None]:
    program = Path(sys.executable).with_name("nats-server")
    process = subprocess.Popen(
        [program, "-a", "127.0.0.1", "-p", str(port)], stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.kill()
        process.wait()


def read_nats(server: RunningServer) -> str | None:
    """The state of the NATS server in /readyz, which must be 200."""
    part: str | None = json.loads(server.get_text(f"{server.base_url}/readyz"))["parts"].get("nats")
    return part


@pytest.mark.long
def test_an_outage_is_reported_until_the_server_answers(
    own_server: RunningServer, browser: Browser
) -> None:
    port = find_free_port()
    own_server.settings = {"TRAPLINE_NATS_URL": f"nats://127.0.0.1:{port}"}
    own_server.start()
    with own_server.open() as owner:
        project = owner.create_project(NewProject(name="Valley")).id
        # No event happens: the outage is found by asking the server.
        wait_for(
            "the outage",
            lambda: (read_nats(own_server) or "").startswith("Unavailable since "),
            WITHIN_S,
        )
        assert REASON in (read_nats(own_server) or "")
        nats = owner.list_webhooks().nats
        assert nats is not None
        assert nats.failing_since is not None
        since = f"{nats.failing_since:%Y-%m-%d %H:%M:%S} UTC"
        listed = own_server.call("webhook", "list")
        assert f"NATS: failing since {since}: {REASON}" in listed.stderr
        assert json.loads(own_server.call("webhook", "list", "--json").stdout) == []
        with open_tab(browser, own_server.base_url) as tab:
            sign_in(tab)
            page = tab.open(f"/projects/{project}/integrations/webhooks")
            notice = page.get_by_test_id("nats-away")
            expect(notice).to_contain_text(REASON)
            expect(notice.locator("time")).to_have_attribute(
                "datetime", nats.model_dump(mode="json")["failing_since"]
            )
            with running_nats(port):
                wait_for("the answer", lambda: read_nats(own_server) == "ok", WITHIN_S)
                expect(notice).to_have_count(0, timeout=WITHIN_S * 1000)
                assert "NATS" not in own_server.call("webhook", "list").stderr
            wait_for("the next outage", lambda: read_nats(own_server) != "ok", WITHIN_S)
            tab.expect_nothing_wrong()
