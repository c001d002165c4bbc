"""The screens of taxa in a real browser: import, search by any name, label mapping, changes."""

from collections.abc import Iterator
from uuid import UUID

import pytest
from playwright.sync_api import expect
from tests.support.browser_session import Watched
from tests.support.signed_in_browser import Seat

from trapline.client import Trapline
from trapline.wire.deployments import Deployment, DeploymentUpdate
from trapline.wire.exports import ExportFormat, NewExport
from trapline.wire.sensitive_taxa import LocationPrecision, SensitiveTaxonRule
from trapline.wire.taxa import Taxon

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

    label = page.locator(f'tr:has(b:text-is("{counted}"))')
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


def _find_lynx(owner: Trapline, project: int) -> Taxon:
    found = owner.list_taxa(project=project, search="Lynx lynx").results
    return next(one for one in found if one.scientific_name == "Lynx lynx")


@pytest.fixture
def observed(seat: Seat) -> Iterator[Deployment]:
    """A deployment with coordinates and an observed taxon that is not sensitive afterwards."""
    project = seat.scene.project
    with seat.server.open() as owner:
        place = DeploymentUpdate(latitude=48.1234, longitude=8.2345, notes="at the fir")
        deployment = owner.update_deployment(UUID(seat.scene.deployment), place)
        sheet = (
            b"scientific_name,rank,common_name_en\nLynx lynx,species,lynx\n"
            b"Lynx lynx balcanicus,subspecies,\n"
        )
        owner.import_taxa(project, sheet)
        lynx = _find_lynx(owner, project)
        yield deployment
        if owner.get_sensitive_taxa(project).results:
            owner.delete_sensitive_taxon(project, lynx.id)


def test_an_owner_lists_a_sensitive_taxon_and_a_viewer_no_longer_sees_the_place(
    seat: Seat, tab: Watched, observed: Deployment
) -> None:
    project = f"/projects/{seat.scene.project}"
    page = tab.open(f"{project}/settings/sensitive-taxa")
    expect(page.get_by_role("heading", name="No sensitive taxon yet")).to_be_visible()
    page.get_by_role("button", name="Add sensitive taxon").click()
    form = page.get_by_role("dialog")
    form.get_by_role("button", name="Add", exact=True).click()
    expect(form.get_by_role("alert")).to_have_text("Choose a taxon from the list.")
    form.get_by_label("Taxon").fill("lynx")
    page.get_by_role("option", name="Lynx lynx").first.click()
    form.get_by_label("Managers").select_option(label="Withheld")
    form.get_by_role("button", name="Add", exact=True).click()
    refused = form.locator(".field-error")
    expect(refused).to_have_text("shows less than reviewer, a role with fewer permissions")
    assert len(tab.wrong) == 2, "the answer and the browser's words on it"
    tab.wrong.clear()
    form.get_by_label("Managers").select_option(label="Exact")
    form.get_by_role("button", name="Add", exact=True).click()
    row = page.get_by_test_id("sensitive-taxa").locator('[data-taxon="Lynx lynx"]')
    expect(row.locator("td").nth(2)).to_have_text("Rounded to 0.1° (11 km)")

    with seat.as_role("viewer"):
        page = tab.open(f"{project}/deployments")
        place = page.locator(f'[data-deployment="{observed.id}"]').first
        expect(place).to_contain_text("48.1, 8.2")
        expect(place).to_contain_text("rounded to 0.1°")
        expect(page.locator(f'[data-area="{observed.id}"]')).to_be_visible()
        expect(page.get_by_text(observed.name, exact=True)).to_have_count(0)

    page = tab.open(f"{project}/settings/sensitive-taxa")
    page.get_by_role("button", name="Edit Lynx lynx").click()
    form.get_by_label("Viewers", exact=True).select_option(label="Withheld")
    form.get_by_role("button", name="Save").click()
    expect(row.locator("td").nth(2)).to_have_text("Withheld")
    with seat.as_role("viewer"):
        page.reload()
        expect(row.locator("td").nth(2)).to_have_text("Withheld")
        expect(page.get_by_text("Only owners change this list.")).to_be_visible()
        expect(page.get_by_role("button", name="Edit Lynx lynx")).to_have_count(0)
        page.get_by_role("link", name="Deployments", exact=True).first.click()
        expect(place).to_contain_text("location withheld")
        expect(place).not_to_contain_text("48.1")

    page = tab.open(f"{project}/settings/taxa")
    for name, mark in (
        ("Lynx lynx", "sensitive"),
        ("Lynx lynx balcanicus", "sensitive by Lynx lynx"),
    ):
        expect(page.locator(f'[data-taxon="{name}"] .badge')).to_have_text(mark)
    page = tab.open(f"{project}/settings/sensitive-taxa")
    page.get_by_role("button", name="Delete Lynx lynx").click()
    form.get_by_role("button", name="Delete from the list").click()
    expect(page.get_by_role("heading", name="No sensitive taxon yet")).to_be_visible()


def test_a_manager_is_told_what_is_withheld(seat: Seat, tab: Watched, observed: Deployment) -> None:
    project = f"/projects/{seat.scene.project}"
    with seat.server.open() as owner:
        exported = owner.create_export(
            NewExport(project=seat.scene.project, format=ExportFormat.CSV)
        )
        owner.wait_for_export(exported.id, timeout_s=60)
        lynx = _find_lynx(owner, seat.scene.project)
        withheld = LocationPrecision.WITHHELD
        rule = SensitiveTaxonRule(viewer=withheld, reviewer=withheld, manager=withheld)
        owner.set_sensitive_taxon(seat.scene.project, lynx.id, rule)
    with seat.as_role("manager"):
        page = tab.open(f"{project}/deployments/{observed.id}")
        form = page.get_by_role("dialog")
        expect(form).to_contain_text("the disabled fields are withheld")
        for label in ("Name", "Latitude", "Notes", "Groups"):
            expect(form.get_by_label(label, exact=True)).to_be_disabled()
        form.get_by_label("Clock offset, seconds").fill("0")
        form.get_by_label("Detection distance, metres").fill("12")
        form.get_by_role("button", name="Save").click()
        expect(form).to_have_count(0)

        page = tab.open(f"{project}/images/{seat.scene.images['wide.jpg'].id}")
        expect(page.get_by_text("most EXIF are withheld for your role")).to_be_visible()

        page = tab.open(f"{project}/exports/new?format=darwin-core")
        audience = page.get_by_label("Locations of sensitive taxa")
        expect(audience).to_have_value("visitor")
        audience.select_option("owner")
        page.get_by_role("radio", name="Camtrap DP").check()
        expect(audience).to_have_value("owner")
        page.get_by_role("radio", name="Darwin Core").check()
        expect(audience).to_have_value("visitor")

        page = tab.open(f"{project}/exports")
        line = page.locator(f'[data-export="{exported.id}"]')
        line.get_by_role("link", name="Download").click()
        expect(line.get_by_role("alert")).to_contain_text("more exactly than your role may see")
        expect(line.get_by_role("button", name="Download")).to_be_disabled()
        assert len(tab.wrong) == 2, "the answer and the browser's words on it"
        tab.wrong.clear()
    with seat.server.open() as owner:
        kept = owner.get_deployment(observed.id)
    assert (kept.latitude, kept.notes, kept.detection_distance_m) == (48.1234, "at the fir", 12)
