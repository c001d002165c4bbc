"""The page of callback keys and signatures in a real browser: create, rotate, revoke, check."""

import json
import re
import time
from uuid import UUID

import pytest
from playwright.sync_api import Locator, Page, expect
from tests.support.browser_session import EACH_SIZE, Watched
from tests.support.signed_in_browser import Seat

from trapline.client import ApiStatusError, CallbackSession
from trapline.client.retry import NEVER
from trapline.client.signing import build_key_signer, sign_v1, sign_v2
from trapline.wire.analyses import NewAnalysis
from trapline.wire.callback_keys import NewCallbackKey
from trapline.wire.projects import NewProject

pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning"
)  # of playwright's own sockets at its end


@pytest.fixture
def analysis(seat: Seat) -> UUID:
    """Create an analysis of an external pipeline, in the project with known images."""
    with seat.server.open() as owner:
        image = seat.scene.images["wide.jpg"].id
        return owner.create_analysis(
            NewAnalysis(image_id=image, model_name="deer-net", model_version="1")
        ).id


def is_taken(seat: Seat, analysis: UUID, key_id: str, secret: str) -> bool:
    """Whether the server takes what this key signs."""
    with CallbackSession(
        seat.server.base_url, build_key_signer(key_id, secret), retry=NEVER
    ) as outside:
        try:
            return outside.get_analysis(analysis).id == analysis
        except ApiStatusError as refused:
            if refused.status != 401:
                raise
            return False


def read_environment(dialog: Locator) -> dict[str, str]:
    """The lines that the dialog with a new key has for a pipeline's environment."""
    lines = dialog.locator("code").last.inner_text().splitlines()
    return dict(line.split("=", 1) for line in lines)


def row_of(page: Page, key_id: str) -> Locator:
    """The row of a key."""
    return page.locator(f'[data-key="{key_id}"]')


def test_a_key_is_made_copied_rotated_and_revoked(tab: Watched, seat: Seat, analysis: UUID) -> None:
    page = tab.open(f"/projects/{seat.scene.project}")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("link", name="Integrations").click()
    expect(page.get_by_role("heading", name="No key yet")).to_be_visible()
    page.get_by_role("button", name="Create key").click()
    page.get_by_label("Service").fill("deer-net")
    page.get_by_label("Name (optional)").fill("gpu-1")
    page.get_by_role("dialog").get_by_role("button", name="Create key").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("The secret is shown only once.")
    first = read_environment(dialog)
    assert first["API_BASE_URL"] == seat.server.base_url
    dialog.get_by_role("button", name="Copy").first.click()
    expect(dialog.get_by_role("button", name="Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == first["CALLBACK_KEY_SECRET"]
    assert is_taken(seat, analysis, first["CALLBACK_KEY_ID"], copied)
    dialog.get_by_role("button", name="Close").last.click()
    old = row_of(page, first["CALLBACK_KEY_ID"])
    expect(old).to_contain_text("Known pictures")
    assert first["CALLBACK_KEY_SECRET"] not in page.content()

    old.get_by_role("button", name="Rotate").click()
    expect(dialog.get_by_role("listitem")).to_have_count(3)
    dialog.get_by_role("button", name="Create second key").click()
    expect(dialog).to_contain_text(f"then revoke {first['CALLBACK_KEY_ID']}")
    second = read_environment(dialog)
    page.keyboard.press("Escape")
    new = row_of(page, second["CALLBACK_KEY_ID"])
    expect(new).to_contain_text("deer-net")
    expect(old.locator('[data-state="replaced"]')).to_have_text(
        "the newer key has not been used yet"
    )
    assert is_taken(seat, analysis, first["CALLBACK_KEY_ID"], first["CALLBACK_KEY_SECRET"])
    assert is_taken(seat, analysis, second["CALLBACK_KEY_ID"], second["CALLBACK_KEY_SECRET"])
    page.reload()
    expect(old.locator('[data-state="replaced"]')).to_have_text("in use together with a newer key")
    seat.change(
        "update callback_keys set last_used_at = now() - interval '2 hours' where key_id = %s",
        first["CALLBACK_KEY_ID"],
    )
    page.reload()
    expect(old.locator('[data-state="replaced"]')).to_have_text(
        "the newer key is in use: revoke this one"
    )

    old.get_by_role("button", name="Revoke").click()
    expect(dialog).to_contain_text("This cannot be undone.")
    dialog.get_by_role("button", name="Cancel").click()
    expect(old.locator('[data-state="replaced"]')).to_be_visible()
    old.get_by_role("button", name="Revoke").click()
    dialog.get_by_role("button", name="Revoke key").click()
    expect(old.locator('[data-state="revoked"]')).to_be_visible()
    expect(old.get_by_role("button")).to_have_count(0)
    assert not is_taken(seat, analysis, first["CALLBACK_KEY_ID"], first["CALLBACK_KEY_SECRET"])
    assert is_taken(seat, analysis, second["CALLBACK_KEY_ID"], second["CALLBACK_KEY_SECRET"])
    tab.expect_nothing_wrong()


def test_the_wrong_part_of_a_pasted_curl_command_is_found(
    tab: Watched, seat: Seat, analysis: UUID
) -> None:
    with seat.server.open() as owner:
        key = owner.create_callback_key(
            NewCallbackKey(projects=[seat.scene.project], service="curling")
        )
    target = f"/api/analyses/{analysis}/annotations:bulk?dry=1&x=%20y"
    sent = json.dumps({"annotations": [], "note": "it's 5 °C"}, ensure_ascii=False)
    signed = sign_v2(key.key_id, key.secret, "POST", target, json.dumps(json.loads(sent)).encode())
    quoted = sent.replace("'", "'\\''")
    headers = " \\\n".join(f'  -H "{name}: {value}"' for name, value in signed.items())
    url = f"{seat.server.base_url}'{target}'"
    command = f"$ curl -sS \\\n{headers} \\\n  --data-binary '{quoted}' {url} | jq .\n"
    page = tab.open(f"/projects/{seat.scene.project}/integrations")
    page.get_by_role("link", name="Signature checker").click()
    page.get_by_label("The request").fill(command)
    read = {
        name: page.get_by_label(name, exact=True).input_value()
        for name in ("Method", "Path and query", "Body")
    }
    assert read == {"Method": "POST", "Path and query": target, "Body": sent}
    for name, value in signed.items():
        expect(page.get_by_label(name)).to_have_value(value)
    page.get_by_role("button", name="Check signature").click()
    checked = page.get_by_test_id("checked")
    expect(checked.get_by_role("heading", name="The signature is not valid.")).to_be_visible()
    expect(checked.locator('[data-part="signature"]')).to_contain_text(
        "the body was sent in another form"
    )
    assert [part.get_attribute("data-look") for part in checked.locator("[data-part]").all()] == [
        "well"
    ] * 3 + ["wrong"]
    # Corrected by hand, the request is valid.
    page.get_by_label("Body", exact=True).fill(json.dumps(json.loads(sent)))
    page.get_by_role("button", name="Check signature").click()
    expect(checked.get_by_role("heading", name="The signature is valid.")).to_be_visible()
    tab.expect_nothing_wrong()


def test_the_first_byte_that_was_signed_otherwise_is_marked(
    tab: Watched, seat: Seat, analysis: UUID
) -> None:
    path = f"/api/analyses/{analysis}/status"
    body = '{"error_message": "zu früh", "status": "failed"}'
    long_ago = int(time.time()) - 86_400
    headers = sign_v1("not its secret", body.encode(), clock=lambda: long_ago)
    lines = [f"PATCH http://elsewhere.example{path} HTTP/1.1", "Host: elsewhere.example"]
    raw = "\n".join(
        [*lines, *(f"{name.lower()}:   {value} " for name, value in headers.items()), "", body]
    )
    page = tab.open(f"/projects/{seat.scene.project}/integrations/check")
    page.get_by_label("The request").fill(raw)
    expect(page.get_by_label("Path and query")).to_have_value(path)
    page.get_by_label("What you signed").fill(f"{long_ago}.{body.replace('früh', 'frueh')}")
    page.get_by_role("button", name="Check signature").click()
    checked = page.get_by_test_id("checked")
    # A request of yesterday is looked at to its end.
    expect(checked.locator('[data-part="timestamp"]')).to_have_attribute("data-look", "wrong")
    expect(checked.locator('[data-part="signature"]')).to_have_attribute("data-look", "wrong")
    at = len(f"{long_ago}.{body.partition('ü')[0]}".encode())
    expect(page.get_by_test_id("difference")).to_contain_text(
        f"from byte {at + 1} on: the server has 0xc3 there, you"
    )
    assert [mark.inner_text() for mark in checked.locator("mark").all()] == ["ü", "u"]
    page.get_by_label("What you signed").fill(f"{long_ago}.{body}")
    page.get_by_role("button", name="Check signature").click()
    expect(checked).to_contain_text("the secret or the digest is different")
    # A request that was pasted again has no response yet.
    page.get_by_label("The request").fill(f"{raw}\n")
    expect(checked).to_contain_text("The result is shown here.")
    page.get_by_label("The request").fill("hello")
    expect(page.get_by_text("neither a curl command nor raw HTTP")).to_be_visible()
    tab.expect_nothing_wrong()


@pytest.mark.parametrize("size", EACH_SIZE)
def test_members_who_are_no_owners_read_who_may(seat: Seat, size: str) -> None:
    with seat.server.open() as owner:
        project = owner.create_project(NewProject(name=f"Somebody else's on a {size}")).id
        made = owner.create_callback_key(NewCallbackKey(projects=[project], service="deer-net"))
    seat.change("update members set role = 'manager' where project_id = %s", project)
    with seat.tab(size) as tab:
        page = tab.open(f"/projects/{project}/integrations")
        expect(row_of(page, made.key_id)).to_be_visible()
        expect(
            page.get_by_text("Only owners of the project create, rotate and revoke keys.")
        ).to_be_visible()
        expect(
            page.get_by_role("button", name=re.compile("Create key|Rotate|Revoke"))
        ).to_have_count(0)
        page.get_by_role("link", name="Signature checker").click()
        expect(page.get_by_text("Only owners of the project check signatures.")).to_be_visible()
        expect(page.get_by_label("The request")).to_have_count(0)
        tab.expect_nothing_wrong()
