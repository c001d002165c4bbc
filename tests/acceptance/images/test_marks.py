"""Stars, tags, capture times and deletion on the page, by hand."""

import re

from playwright.sync_api import expect
from tests.support.browser_session import Watched
from tests.support.filter_bar import set_filter
from tests.support.review_outbox import expect_sent
from tests.support.running_server import wait_for
from tests.support.signed_in_browser import Seat, open_image

from trapline.wire.identifications import IdentificationKind as Kind
from trapline.wire.identifications import NewIdentification, NewIdentificationTaxon
from trapline.wire.taxa import NewTaxon


def test_images_are_marked_deleted_and_restored_by_hand(tab: Watched, seat: Seat) -> None:
    project = f"/projects/{seat.scene.project}"
    page = tab.open(f"{project}/images")
    image = seat.scene.images["wide.jpg"].id
    tile = page.locator(f'.tile[data-image-id="{image}"]')
    tiles = page.locator(".tile[data-image-id]")
    tile.wait_for()
    before = tiles.count()

    tile.hover()
    tile.get_by_role("checkbox").click()
    page.get_by_role("button", name="Star").click()
    expect(tile.get_by_label("Starred")).to_be_visible()
    page.get_by_role("button", name="Tag").click()
    page.get_by_label("Tags").fill("by hand, night  time")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    set_filter(page, "Tag", "night time")
    set_filter(page, "Star", "With a star")
    expect(tiles).to_have_count(1)
    assert "tag=night+time" in page.url

    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(tiles).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(tiles).to_have_count(1)

    tile.hover()
    tile.get_by_role("checkbox").click()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(tiles).to_have_count(0)
    page.get_by_role("button", name="Filter", exact=True).click()
    page.get_by_role("option", name="Deleted", exact=True).click()
    page.wait_for_url("**/images?*deleted=true*")
    page.goto(f"{seat.server.base_url}{project}/images?deleted=true")
    tile.click()
    expect(page.get_by_text("This image is deleted.")).to_be_visible()
    restore = page.get_by_role("button", name="Restore")
    expect(restore).to_be_visible()
    with seat.as_role("manager"):
        page.reload()
        expect(page.get_by_text("This image is deleted.")).to_be_visible()
        expect(restore).to_have_count(0)
    page.reload()
    restore.click()
    expect(page.get_by_text("This image is deleted.")).to_have_count(0)

    page.get_by_role("button", name="Edit").click()
    page.get_by_label(re.compile(r"Taken \(")).fill("2026-03-01T12:34:56")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Edited manually. Camera time:")).to_be_visible()
    page.get_by_role("button", name="Edit").click()
    page.get_by_role("button", name="Restore camera time").click()
    expect(page.get_by_text("Edited manually. Camera time:")).to_have_count(0)
    page.get_by_role("button", name="Remove by hand").click()
    page.get_by_role("button", name="Remove night time").click()
    page.get_by_role("button", name="Remove star").click()
    expect(page.get_by_role("button", name="Star", exact=True)).to_be_visible()
    page.goto(f"{seat.server.base_url}{project}/images")
    expect(tiles).to_have_count(before)
    tab.expect_nothing_wrong()


def test_a_finding_is_reviewed_by_keys_and_what_was_said_is_taken_back(
    tab: Watched, seat: Seat
) -> None:
    with seat.server.open() as owner:
        names = {"en": ["Eurasian lynx"]}
        owner.create_taxon(
            NewTaxon(project=seat.scene.project, scientific_name="Lynx lynx", common_names=names)
        )
    page = open_image(tab, seat.scene, "wide.jpg", "?show=models")
    finding = page.locator(".finding").first
    finding.click()
    holds = finding.locator(".holds")
    expect(page.get_by_test_id("review")).to_contain_text("Target lynx")

    page.keyboard.press("x")
    page.get_by_role("combobox", name="What is it?").fill("eurasian")
    page.get_by_role("option", name="Lynx lynx").click()
    page.get_by_text("Count, sex, life stage, behaviour").click()
    page.get_by_label("Count").fill("2")
    page.keyboard.press("Enter")
    expect(holds).to_contain_text("→ Lynx lynx × 2")
    expect(finding).to_contain_text("lynx 93 %")
    finding.click()
    finding.click()
    page.keyboard.press("x")
    page.get_by_role("combobox", name="What is it?").press_sequentially("some cat")
    expect(page.get_by_role("option", name="Use “some cat” as typed")).to_be_visible()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    expect(holds).to_contain_text("→ some cat")
    page.keyboard.press("y")
    expect(holds).to_contain_text("confirmed")
    page.keyboard.press("m")
    page.get_by_label("Comment").fill("look at the ears")
    page.keyboard.press("Enter")
    history = page.get_by_test_id("history").locator("li")
    expect(history).to_have_count(4)
    expect(history.first).to_contain_text("look at the ears")
    # A request that was never sent would leave the queue, and not be withdrawn.
    expect_sent(page)

    page.keyboard.press("z")
    expect(history.first).to_contain_text("withdrawn")
    page.keyboard.press("z")
    expect(holds).to_contain_text("→ some cat")
    finding.click()
    expect(page.get_by_test_id("review")).to_contain_text("Target the whole image")
    page.keyboard.press("n")
    expect(holds).to_contain_text("blank")
    for told in ("→ some cat", "→ Lynx lynx"):
        page.keyboard.press("z")
        expect(holds).to_contain_text(told)
    page.keyboard.press("z")
    expect(holds).to_have_count(0)

    taxa = [
        NewIdentificationTaxon(label="some cat", count=3),
        NewIdentificationTaxon(label="red fox", individual_id="Ada"),
    ]
    with seat.server.open() as owner:
        image = seat.scene.images["wide.jpg"].id
        said = NewIdentification(kind=Kind.CORRECT, images=[image], taxa=taxa)
        owner.create_identifications(said)
        wait_for("the image to be reviewed", lambda: owner.get_image(image).reviewers != [])
    expect(history.first).to_contain_text("some cat × 3 + red fox Ada")
    tab.open(f"/projects/{seat.scene.project}/images")
    # The icon is before the initials, and does not cover them.
    mark = page.locator(f'.tile[data-image-id="{image}"] .tile-review')
    expect(mark.locator("svg")).to_have_css("width", "13px")
    tab.expect_nothing_wrong()
