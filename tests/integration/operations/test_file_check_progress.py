"""Progress of a check of all stored files, also where the result of an image cannot be recorded."""

import pytest
from tests.support.api_project import SYSTEM, make_field
from tests.support.image_factory import make_jpeg

from trapline.server.operations.actions.file_checks import CheckedImage, check_all_files
from trapline.server.operations.queries.file_checks import CheckProgress
from trapline.server.platform.app_context import AppContext

REFUSE = """
create function refuse_record() returns trigger language plpgsql as
    $$ begin raise exception 'the record is refused'; end $$;
create trigger refuse_record before delete on harmed_files
    for each statement execute function refuse_record()
"""


@pytest.mark.parametrize("is_refused", [False, True])
async def test_an_image_is_counted_once_also_if_its_result_cannot_be_recorded(
    system: AppContext, is_refused: bool
) -> None:
    field = await make_field(system, 0)
    images = [make_jpeg(number) for number in range(2)]
    uploaded = await field.client.post(
        "/api/v2/images",
        data={"project": str(field.project)},
        files=[
            ("files", (f"{number}.jpg", image, "image/jpeg")) for number, image in enumerate(images)
        ],
        headers={"Authorization": f"Token {field.owner}"},
    )
    assert uploaded.status_code == 200, uploaded.text
    if is_refused:
        await execute(system, REFUSE)
    reported: list[CheckedImage] = []
    shown: list[CheckProgress] = []
    try:
        await check_all_files(
            system,
            SYSTEM,
            repair=False,
            per_s=0,
            restart=False,
            found=reported.append,
            report_progress=shown.append,
        )
    finally:
        await execute(system, "drop function if exists refuse_record cascade")
    sizes = [len(image) for image in images]
    assert [one.images for one in shown] == [1, 2]
    assert [one.size_bytes for one in shown] in (
        [sizes[0], sum(sizes)],
        [sizes[1], sum(sizes)],
    )
    errors = [one.error or "" for one in reported]
    assert ["refused" in error for error in errors] == ([True, True] if is_refused else [])


async def execute(system: AppContext, sql: str) -> None:
    async with system.database.transaction(SYSTEM) as tx:
        await tx.execute(sql)
