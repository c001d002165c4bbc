"""The page about taxa, in a real browser: take a list in, find one by any name, say what labels mean, change one."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect
from tests.support.browser_session import Watched
from tests.support.signed_in_browser import Seat

pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning"
)  # of playwright's own sockets at its end


@pytest.fixture
def counted(seat: Seat) -> Iterator[str]:
    """A label that was found in the project, which means nothing before and afterwards."""
    project = seat.scene.project
    with seat.server.open() as owner:
        label = owner.count_classes(project)[0].class_name
        yield label
        owner.map_labels(project, {label: None})


def test_a_list_comes_in_and_labels_are_given_their_meaning(
    seat: Seat, tab: Watched, counted: str
) -> None:
    page = tab.open(f"/projects/{seat.scene.project}/settings/taxa")
    sheet = (
        "scientific_name,authorship,rank,synonym_of,common_name_en,common_name_de,colour\n"
        f'Puma concolor,"(Linnaeus, 1771)",species,,{counted}|Cougar,Berglöwe,red\n'
        "Felis concolor,,species,Puma concolor,,,\n"
        "Vulpes vulpes,,species,,Red fox,Rotfuchs,\n"
        "Lynx,,genus,Nobody,,,\n"
    )
    page.get_by_test_id("taxa").set_input_files(
        {"name": "taxa.csv", "mimeType": "text/csv", "buffer": sheet.encode()}
    )
    told = page.get_by_role("dialog")
    expect(told).to_contain_text("3 created, 0 changed, 0 unchanged, 1 rejected.")
    expect(told).to_contain_text(
        "line 5, synonym_of: Nobody is neither in this file nor in the project"
    )
    expect(told).to_contain_text("Ignored columns: colour.")
    told.get_by_role("button", name="Close").last.click()

    page.get_by_label("Search by any name").fill("berglö")
    rows = page.get_by_test_id("taxon-list").locator("tbody tr")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("also Felis concolor")

    label = page.locator(f'[data-label-name="{counted}"]')
    label.get_by_role("button", name="Use Puma concolor").click()
    expect(label.get_by_role("combobox")).to_have_value("Puma concolor")
    expect(rows).to_contain_text(counted)
    label.get_by_role("combobox").fill("rotf")
    page.get_by_role("option", name="Vulpes vulpes").click()
    expect(label.get_by_role("combobox")).to_have_value("Vulpes vulpes")
    with seat.server.open() as owner:
        meant = {
            one.label: one.scientific_name
            for one in owner.list_taxon_labels(project=seat.scene.project).results
        }
    assert meant[counted] == "Vulpes vulpes"


def test_a_taxon_is_added_changed_and_deleted_by_hand(seat: Seat, tab: Watched) -> None:
    page = tab.open(f"/projects/{seat.scene.project}/settings/taxa")
    page.get_by_role("button", name="Add taxon").first.click()
    form = page.get_by_role("dialog")
    form.get_by_label("Scientific name").fill("Lutra lutra")
    form.get_by_role("button", name="Add a common name").click()
    expect(form.get_by_label("Common name")).to_be_focused()
    page.keyboard.type("Eurasian otter")
    page.keyboard.press("Enter")
    expect(form).to_have_count(0)
    row = page.locator('[data-taxon="Lutra lutra"]')
    expect(row).to_contain_text("Eurasian otter")

    page.get_by_role("button", name="Add taxon").first.click()
    form.get_by_label("Scientific name").fill("lutra  LUTRA")
    page.keyboard.press("Enter")
    expect(form.get_by_role("alert")).to_contain_text(
        "already has the name lutra LUTRA. Nothing was changed."
    )
    assert len(tab.wrong) == 2
    tab.wrong.clear()
    form.get_by_label("Scientific name").fill("Viverra lutra")
    form.get_by_label("Synonym of").fill("lutra")
    page.get_by_role("option", name="Lutra lutra").click()
    form.get_by_role("button", name="Add", exact=True).click()
    expect(row).to_contain_text("also Viverra lutra")

    page.get_by_role("button", name="Edit Viverra lutra").click()
    form.get_by_role("button", name="Not a synonym").click()
    form.get_by_role("button", name="Save").click()
    expect(form).to_have_count(0)
    expect(row).not_to_contain_text("also Viverra lutra")
    page.get_by_role("button", name="Delete Viverra lutra").click()
    form.get_by_role("button", name="Delete taxon").click()
    expect(page.locator('[data-taxon="Viverra lutra"]')).to_have_count(0)
    with seat.server.open() as owner:
        [kept] = owner.list_taxa(project=seat.scene.project, search="lutra").results
    assert (kept.scientific_name, kept.rank, kept.common_names) == (
        "Lutra lutra",
        "species",
        {"en": ["Eurasian otter"]},
    )
