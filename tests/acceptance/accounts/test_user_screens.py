"""The users page in a real browser: invite, assign roles, end sessions, restore a project."""

import re

import pytest
from playwright.sync_api import Page, expect
from tests.support.browser_session import Watched, open_tab
from tests.support.oidc_test_provider import run_provider
from tests.support.signed_in_browser import Seat

from trapline.wire.auth import Role
from trapline.wire.projects import NewProject
from trapline.wire.users import NewMembership, NewUser

pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning"
)  # of playwright's own sockets at its end

EMAIL = "berta@people.example"
PASSWORD = "a long enough password"


def settings(seat: Seat, project: int, part: str = "") -> str:
    return f"{seat.server.base_url}/projects/{project}/settings{part}"


def here(seat: Seat, link: str) -> str:
    """A link of the server by the name that this browser calls it by: cookies belong to a name."""
    return f"{seat.server.base_url}/welcome#{link.partition('#')[2]}"


def invite(page: Page) -> str:
    """Invite a user on the page; return the link."""
    page.get_by_role("button", name="Invite a user").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("E-mail").fill(EMAIL)
    dialog.get_by_label(re.compile("Role in")).select_option("reviewer")
    dialog.get_by_role("button", name="Create link").click()
    link = page.get_by_role("dialog").locator("code").text_content() or ""
    page.get_by_role("dialog").get_by_role("button", name="Close").last.click()
    return link


def test_somebody_is_invited_given_a_role_and_let_out(seat: Seat, tab: Watched) -> None:
    with seat.server.open() as owner:
        project = owner.create_project(NewProject(name="Screens of people")).id
    page = tab.page
    page.goto(settings(seat, project, "/people"))
    link = invite(page)
    person = page.locator(f'[data-user="{EMAIL}"]')
    expect(person).to_contain_text("invited")
    expect(person).to_contain_text("Screens of people (reviewer)")
    with open_tab(seat.browser, seat.server.base_url) as hers:
        hers.page.goto(here(seat, link))
        expect(hers.page.get_by_text(EMAIL)).to_be_visible()
        hers.page.get_by_label("Your name").fill("Berta")
        hers.page.get_by_label("Password").fill(PASSWORD)
        hers.page.get_by_role("button", name="Set the password and sign in").click()
        hers.page.wait_for_url(re.compile(rf"/projects/{project}$"))
        hers.page.goto(settings(seat, project, "/members"))
        expect(hers.page.locator(".user-row", has_text="Berta")).to_contain_text("Reviewer")
        expect(hers.page.get_by_role("button", name="Add member")).to_have_count(0)
        hers.page.goto(settings(seat, project, "/people"))
        expect(hers.page.get_by_text("Only operators manage accounts.")).to_be_visible()
        hers.expect_nothing_wrong()

        page.goto(settings(seat, project, "/members"))
        page.get_by_label("Role of Berta").select_option("manager")
        expect(page.get_by_text("Role changed.")).to_be_visible()
        page.get_by_role("button", name="Remove Berta").click()
        page.get_by_role("dialog").get_by_role("button", name="Remove").click()
        expect(page.locator(".user-row")).to_have_count(1)
        expect(page.get_by_text("You are the only member.")).to_be_visible()

        page.goto(settings(seat, project, "/people"))
        page.get_by_role("button", name="Actions for Berta").click()
        page.get_by_role("menuitem", name="Deactivate").click()
        page.get_by_role("dialog").get_by_role("button", name="Deactivate").click()
        expect(person).to_contain_text("deactivated")
        hers.page.goto(seat.server.base_url)
        hers.page.wait_for_url(re.compile("/sign-in"))


def test_a_project_is_deleted_by_its_name_and_restored(seat: Seat, tab: Watched) -> None:
    with seat.server.open() as owner:
        project = owner.create_project(NewProject(name="Soon gone")).id
    page = tab.page
    page.goto(settings(seat, project))
    page.get_by_role("button", name="Delete project").click()
    dialog = page.get_by_role("dialog")
    go = dialog.get_by_role("button", name="Delete project")
    dialog.get_by_label("Type the name of the project").fill("Soon")
    expect(go).to_be_disabled()
    dialog.get_by_label("Type the name of the project").fill("Soon gone")
    go.click()
    page.wait_for_url(re.compile(r"/projects/\d+$"))
    assert not page.url.endswith(f"/{project}")
    page.goto(settings(seat, seat.scene.project, "/account"))
    page.get_by_role("button", name="Restore Soon gone").click()
    expect(page.locator('[data-deleted="Soon gone"]')).to_have_count(0)
    page.goto(settings(seat, project))
    expect(page.get_by_label("Name", exact=True)).to_have_value("Soon gone")


def test_other_browsers_are_signed_out(seat: Seat, tab: Watched) -> None:
    page = tab.page
    with open_tab(seat.browser, seat.server.base_url) as other:
        link = seat.server.run("link", "--data", str(seat.server.data)).stdout.strip()
        other.page.goto(here(seat, link))
        other.page.get_by_role("button", name="Sign in with this link").click()
        other.page.wait_for_url(re.compile("/projects/"))
        other.page.goto(settings(seat, seat.scene.project, "/account"))
        expect(other.page.locator('[data-session="current"]')).to_be_visible()
        page.goto(settings(seat, seat.scene.project, "/account"))
        expect(page.locator('[data-session="current"]')).to_contain_text("this one")
        newest = page.locator('[data-session="other"]').first
        newest.get_by_role("button").click()
        expect(page.get_by_text("Session signed out.")).to_be_visible()
        other.page.goto(seat.server.base_url)
        other.page.wait_for_url(re.compile("/sign-in"))


def test_a_project_is_made_public_looked_at_by_a_visitor_and_made_private(
    seat: Seat, tab: Watched
) -> None:
    project = seat.scene.project
    page = tab.page
    page.goto(settings(seat, project))
    expect(page.get_by_test_id("publicity")).to_have_text("Only members can see this project.")
    page.get_by_role("button", name="Make public").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Visitors do not see")
    dialog.get_by_role("button", name="Make public").click()
    expect(page.get_by_test_id("publicity")).to_contain_text("Anyone with the URL")
    preview = page.get_by_role("link", name="View as visitor").get_attribute("href")
    assert preview == f"/public/{project}"

    with open_tab(seat.browser, seat.server.base_url) as visitor:
        asked: list[str] = []
        visitor.page.on("request", lambda request: asked.append(f"{request.method} {request.url}"))
        visitor.page.goto(seat.server.base_url + preview)
        expect(visitor.page.get_by_role("note")).to_contain_text(
            "People, locations and file names are not shown."
        )
        expect(visitor.page.get_by_role("heading", name="Known pictures")).to_be_visible()
        expect(visitor.page.locator(".public-grid a")).to_have_count(3)
        visitor.page.get_by_role("link", name="lynx 2").click()
        shown = visitor.page.locator(".public-grid a")
        expect(shown).to_have_count(2)
        assert "class=lynx" in visitor.page.url
        shown.first.click()
        picture = visitor.page.get_by_test_id("public-picture")
        expect(picture.locator('rect[data-class="lynx"]')).to_have_count(1)
        visitor.page.wait_for_function(
            "() => [...document.querySelectorAll('.public-image img')].every(one => one.complete "
            "&& one.naturalWidth === 800"
            " || one.naturalWidth === 600)"
        )
        visitor.page.get_by_label("Show boxes").uncheck()
        expect(picture.locator("rect")).to_have_count(0)
        visitor.page.get_by_role("button", name=re.compile("Previous image")).click()
        visitor.page.get_by_role("link", name="Cameras").click()
        expect(visitor.page.get_by_role("link", name=re.compile(r"^Camera \d$"))).to_have_count(1)
        assert "Known place" not in visitor.page.content()
        visitor.expect_nothing_wrong()
        assert {call.partition(" ")[0] for call in asked} == {"GET"}
        assert all("/api/v2/public/" in call for call in asked if "/api/" in call), asked

        page.get_by_role("button", name="Make private").click()
        page.get_by_role("dialog").get_by_role("button", name="Make private").click()
        expect(page.get_by_test_id("publicity")).to_have_text("Only members can see this project.")
        visitor.page.reload()
        expect(visitor.page.get_by_text("Project not found")).to_be_visible()
        visitor.page.get_by_role("link", name="Sign in").click()
        visitor.page.wait_for_url(re.compile("/sign-in"))


def test_somebody_signs_in_by_the_organisation(seat: Seat) -> None:
    with seat.server.open() as owner:
        project = owner.create_project(NewProject(name="By the university")).id
        member = NewMembership(project=project, role=Role.VIEWER)
        owner.invite_user(NewUser(email="carla@people.example", memberships=[member]))
    issuer = seat.server.settings["TRAPLINE_OIDC_ISSUER"]
    # The provider sends people back to the public address, and cookies belong to its name.
    at_home = seat.server.base_url.replace("127.0.0.1", "localhost")
    wanted = f"/projects/{project}/images"
    with (
        run_provider(int(issuer.rpartition(":")[2])) as provider,
        open_tab(seat.browser, at_home) as hers,
    ):
        provider.person = {"sub": "7", "email": "nobody@people.example", "email_verified": True}
        page = hers.open(f"/sign-in?to={wanted}")
        page.get_by_role("button", name="Continue with the university").click()
        expect(page.get_by_text("invite you first")).to_be_visible()
        expect(page.get_by_role("alert")).not_to_contain_text("for a role")
        assert page.url == f"{at_home}/sign-in/oidc", "the code does not stay in the address"
        hers.wrong.clear()  # the browser logs the refused request
        page.get_by_role("link", name="Back to the sign-in page").click()
        provider.person["email"] = "carla@people.example"
        page.goto(f"{at_home}/sign-in?to={wanted}")
        page.get_by_role("button", name="Continue with the university").click()
        page.wait_for_url(f"{at_home}{wanted}")
        there = [one for one in hers.wrong if one.startswith(f"another host: {issuer}/authorize?")]
        assert len(there) == 1, "the browser goes to the provider, and nowhere else"
        hers.wrong.remove(there[0])
        hers.expect_nothing_wrong()
