"""Two projects for the isolation test: one with all kinds of objects, and one of another user."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from uuid_utils.compat import uuid7

from trapline.server.accounts.actions.tokens import create_token
from trapline.server.accounts.queries.accounts import MemberRow, SessionRow, UserRow
from trapline.server.catalogue.queries.saved_views import SavedViewRow
from trapline.server.exports.queries.exports import ExportRow
from trapline.server.external.queries.artifacts import ArtifactRow
from trapline.server.external.queries.callback_keys import CallbackKeyRow
from trapline.server.findings.queries.algorithm_rows import AlgorithmRow
from trapline.server.findings.queries.analyses import AnalysisRow
from trapline.server.findings.queries.annotations import AnnotationRow
from trapline.server.images.queries.deployments import DeploymentRow
from trapline.server.images.queries.images import ImageRow
from trapline.server.images.queries.sequences import SequenceRow
from trapline.server.images.queries.staged_files import StagedFileRow
from trapline.server.imports.queries.imports import ImportFaultRow, ImportRow
from trapline.server.notifications.queries.notices import NoticeRow
from trapline.server.notifications.queries.webhooks import DeliveryRow, WebhookRow
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Database
from trapline.server.projects.queries.projects import ProjectRow
from trapline.server.queue.queries.jobs import JobRow
from trapline.server.queue.queries.pipelines import PipelineRow, ServiceProjectRow, ServiceRow
from trapline.server.queue.queries.presets import PresetRow
from trapline.server.queue.queries.workers import WorkerRow
from trapline.server.review.queries.identifications import IdentificationRow
from trapline.server.review.queries.review_sets import (
    ReviewSetImageRow,
    ReviewSetItemRow,
    ReviewSetRow,
)
from trapline.server.review.queries.taxa import TaxonRow
from trapline.server.sources.queries.source_folders import SourceFolderRow
from trapline.server.sources.queries.sources import PulledFileRow, RunRow, SourceRow
from trapline.wire.auth import NewToken, Role, TokenKind


@dataclass
class House:
    """A project with an object of each kind, IDs by route parameter, and a token per caller."""

    ids: dict[str, str]
    tokens: dict[str, str] = field(default_factory=dict)


async def build_house(system: AppContext, name: str) -> House:
    """Build a project with one row of everything, an owner, a viewer, and a worker's token."""
    scope = Scope.system()
    async with system.database.transaction(scope) as tx:
        project = ProjectRow(name=name)
        people = {
            role: UserRow(email=f"{role}@{name}.example") for role in (Role.OWNER, Role.VIEWER)
        }
        tx.session.add_all([project, *people.values()])
        await tx.session.flush()
        for role, person in people.items():
            tx.session.add(MemberRow(project_id=project.id, user_id=person.id, role=role.value))
        session = SessionRow(
            user_id=people[Role.OWNER].id,
            secret_hash=name.encode(),
            expires_at=datetime.now(UTC) + timedelta(1),
        )
        tx.session.add(session)
        deployment = DeploymentRow(project_id=project.id, name="camera", is_default=True)
        tx.session.add(deployment)
        await tx.session.flush()
        sequence = SequenceRow(
            project_id=project.id,
            deployment_id=deployment.id,
            started_at=datetime.now(UTC),
            ended_at=datetime.now(UTC),
            images=1,
        )
        tx.session.add(sequence)
        await tx.session.flush()
        image = ImageRow(
            sequence_id=sequence.id,
            project_id=project.id,
            deployment_id=deployment.id,
            sha256=name.encode(),
            size_bytes=1,
            media_type="image/jpeg",
            filename="a.jpg",
            width=10,
            height=10,
            storage_key=f"originals/{project.id}/aa/aa",
            captured_at=datetime.now(UTC),
            captured_at_source="exif",
            time_zone="UTC",
        )
        staged = StagedFileRow(
            project_id=project.id,
            deployment_id=deployment.id,
            filename="b.jpg",
            sha256=name.encode(),
            size=9,
        )
        source = SourceRow(
            project_id=project.id,
            deployment_id=deployment.id,
            name="feed",
            gateway="http",
            base_url="http://camera.example/",
            is_active=False,
        )
        folder = SourceFolderRow(project_id=project.id, path=f"/media/{name}", granted_by="system")
        pipeline = PipelineRow(
            project_id=project.id,
            slug="p",
            version=1,
            name="P",
            stages={"stages": []},
            content_sha256=b"x",
        )
        algorithm = AlgorithmRow(
            project_id=project.id, key="model", version=1, name=f"Model of {name}"
        )
        service = ServiceRow(name=f"service {name}", registrant="somebody")
        tx.session.add_all([image, staged, source, folder, pipeline, algorithm, service])
        await tx.session.flush()
        tx.session.add(ServiceProjectRow(service_id=service.id, project_id=project.id))
        process = WorkerRow(
            token_id=uuid7(),
            registrant="somebody",
            service=service.name,
            service_id=service.id,
            name="worker-1",
            host="host",
            pid=1,
            version="1",
            devices=[],
            pipelines=["p"],
            address="",
            user_agent="",
        )
        tx.session.add(process)
        run = RunRow(
            project_id=project.id,
            source_id=source.id,
            state="completed",
            trigger="manual",
            finished_at=datetime.now(UTC),
        )
        file = PulledFileRow(
            project_id=project.id, source_id=source.id, path="a.jpg", state="quarantined"
        )
        job = JobRow(
            project_id=project.id,
            pipeline_id=pipeline.id,
            name="job",
            pipeline_slug="p",
            pipeline_version=1,
            status="processing",
            expanded=True,
            open=1,
        )
        tx.session.add_all([run, file, job])
        await tx.session.flush()
        analysis = AnalysisRow(
            project_id=project.id,
            image_id=image.id,
            job_id=job.id,
            model_name="p",
            model_version="1",
        )
        tx.session.add(analysis)
        await tx.session.flush()
        annotation = AnnotationRow(
            project_id=project.id,
            analysis_id=analysis.id,
            image_id=image.id,
            annotation_type="classification",
            class_name="lynx",
            stored_data={"scores": [0.25, 0.75]},
            fingerprint=uuid7(),
        )
        artifact = ArtifactRow(
            project_id=project.id,
            analysis_id=analysis.id,
            artifact_type="log",
            media_type="text/plain",
            filename="log.txt",
            storage_path=f"ml_outputs/{analysis.id}/log.txt",
        )
        key = CallbackKeyRow(
            key_id=f"tlk_{name}",
            service_id=service.id,
            project_ids=[project.id],
            name="",
            sealed_secret=b"sealed",
            created_by="somebody",
        )
        preset = PresetRow(project_id=project.id, name=f"{name}-preset", pipeline_slug="p")
        view = SavedViewRow(
            project_id=project.id,
            name=f"{name}-view",
            conditions={"class_name": "lynx"},
            list_order="-captured_at",
            seed=0,
            created_by="user:00000000-0000-7000-8000-000000000000",
        )
        taxon = TaxonRow(
            project_id=project.id,
            scientific_name="Vulpes vulpes",
            name_key="vulpes vulpes",
            searched="\nvulpes vulpes\n",
        )
        webhook = WebhookRow(
            project_id=project.id,
            name="",
            url="http://receiver.example/",
            host="receiver.example:80",
            event_types=[],
            analyses_of_jobs=False,
            secrets=b"sealed",
            is_active=False,
        )
        notice = NoticeRow(project_id=project.id, user_id=people[Role.OWNER].id, kind="job_failed")
        said = IdentificationRow(
            project_id=project.id, image_id=image.id, kind="unsure", made_by="somebody"
        )
        export = ExportRow(
            project_id=project.id, format="csv", selection={}, options={}, requested_by="somebody"
        )
        review_set = ReviewSetRow(
            project_id=project.id,
            name="to review",
            unit="image",
            reviews=1,
            item_order="captured_at",
            filter="",
            created_by="somebody",
        )
        tx.session.add_all([webhook, notice, said, export, review_set])
        await tx.session.flush()
        of_item = {"project_id": project.id, "set_id": review_set.id, "position": 1}
        tx.session.add(ReviewSetItemRow(**of_item))
        await tx.session.flush()
        tx.session.add(ReviewSetImageRow(**of_item, image_id=image.id))
        moment = datetime.now(UTC)
        delivery = DeliveryRow(
            project_id=project.id,
            webhook_id=webhook.id,
            event_type="job.completed",
            data={},
            state="failed",
            created_at=moment,
            next_attempt_at=moment,
            give_up_at=moment,
        )
        tx.session.add(delivery)
        intake = ImportRow(
            project_id=project.id,
            deployment_id=deployment.id,
            format="coco",
            state="reading",
            filename="results.json",
            size_bytes=1,
            sha256=name.encode(),
            storage_key=f"imports/{project.id}/{uuid7()}",
            requested_by="somebody",
            faults=2,
        )
        tx.session.add_all([annotation, artifact, key, preset, view, taxon, intake])
        await tx.session.flush()
        for number in (1, 2):
            fault = {
                "number": number,
                "kind": "wrong",
                "place": "images 1",
                "file": f"{name}.jpg",
                "message": "wrong",
            }
            tx.session.add(ImportFaultRow(import_id=intake.id, project_id=project.id, **fault))
    house = House(
        ids={
            "project_id": str(project.id),
            "project_name": name,
            "member_id": str(people[Role.VIEWER].id),
            "session_id": str(session.id),
            "deployment_id": str(deployment.id),
            "folder_id": str(folder.id),
            "image_id": str(image.id),
            "staged_id": str(staged.id),
            "sequence_id": str(sequence.id),
            "algorithm_id": str(algorithm.id),
            "source_id": str(source.id),
            "run_id": str(run.id),
            "job_id": str(job.id),
            "analysis_id": str(analysis.id),
            "annotation_id": str(annotation.id),
            "identification_id": str(said.id),
            "artifact_id": str(artifact.id),
            "key_id": str(key.id),
            "webhook_id": str(webhook.id),
            "delivery_id": str(delivery.id),
            "notice_id": str(notice.id),
            "preset_id": str(preset.id),
            "view_id": str(view.id),
            "taxon_id": str(taxon.id),
            "set_id": str(review_set.id),
            "export_id": str(export.id),
            "import_id": str(intake.id),
            "service_id": str(service.id),
            "worker_id": str(process.id),
            "pipeline_id": str(pipeline.id),
        }
    )
    for role, person in people.items():
        own = Scope(actor=f"user:{person.id}", user_id=person.id, roles={project.id: role})
        made = await create_token(system, own, NewToken(name="t"))
        house.tokens[role.value] = made.token
        if role == Role.OWNER:
            house.ids["token_id"] = str(made.id)
            worker = await create_token(system, own, NewToken(name="w", kind=TokenKind.WORKER))
            house.tokens["worker"] = worker.token
    return house


def unknown_ids(house: House) -> dict[str, str]:
    """Ids of the same forms that nothing has."""
    return {name: str(_unlike(value)) for name, value in house.ids.items()}


def _unlike(value: str) -> int | str:
    if value.isdigit():
        return 987_654_321
    changed = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", lambda _: str(uuid7()), value)
    return (
        changed
        if changed != value
        else f"no-{value}"
        if ":" not in value
        else f"987654321:{value[-1]}"
    )


async def fingerprint(database: Database) -> dict[str, str]:
    """Return a digest of each table and of the background tasks, without the last use of tokens."""
    digest = (
        "select '{table}', md5(coalesce(string_agg(({row})::text, ',' order by ({row})::text), "
        "'')) from {table} t"
    )
    row = "to_jsonb(t) - 'last_used_at' - 'last_seen_at'"
    async with database.transaction(Scope.system()) as tx:
        tables = await tx.execute("select tablename from pg_tables where schemaname = 'public'")
        names = [name for (name,) in await tables.fetchall()]
        of_each = [
            digest.format(table=table, row=row)
            for table in (*names, "procrastinate.procrastinate_jobs")
        ]
        return dict(await (await tx.execute(" union all ".join(of_each))).fetchall())
