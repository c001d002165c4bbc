"""`trapline source add`: describe, test and add a pull source in one command."""

import shlex
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trapline.cli.options import AsJson, InProject

if TYPE_CHECKING:
    from trapline.client import Trapline
    from trapline.wire.projects import Project

HELP = """Add a pull source and test it in one command.

**A folder that a web server lists**, with a new deployment and a password (prompted for):

    trapline source add https://camera.example/DCIM/ --username ranger \\
        --create-deployment "Old oak" --lat 52.5 --lon 13.4 --test

**An S3 bucket** of any service; the default endpoint is that of AWS:

    trapline source add s3://feeds/oak/ --option endpoint=https://s3.example \\
        --option key=AKIA --option-file secret=s3.txt --test

**FTP, FTPS**; the password comes from a file:

    trapline source add ftps://camera.example/DCIM/ --username ranger --password-file ftp.txt --test

**SFTP**; without --option host_key the test prints the key of the server:

    trapline source add sftp://nas.example/images/ --username ranger --option-file key=id_ed25519 \\
        --option-file host_key=nas.pub --test

**A mounted disk or SD card** of the server's machine, if its operator allows it:

    trapline source add file:///media/card/DCIM --test

**A JSON interface**, described by a small mapping:

    trapline source add https://portal.example/api/photos --gateway rest --auth bearer \\
        --option 'mapping={"items": "data", "url": "href"}' --test

**Messages that a server pushes**:

    trapline source add wss://hub.example/events --auth bearer --password-file token.txt

Secrets are never command-line arguments, which other users of the machine can see. They are
prompted for, or read from --password-file, --option-file (- is standard input) or
TRAPLINE_SOURCE_PASSWORD.
"""


def add_source(
    url: Annotated[
        str, typer.Argument(help="Such as http://camera.local/DCIM/ or file:///media/card/DCIM.")
    ],
    *,
    name: Annotated[
        str | None, typer.Option(help="Name of the source; by default its URL.")
    ] = None,
    project: InProject = None,
    deployment: Annotated[str | None, typer.Option(help="Deployment of its images.")] = None,
    create_deployment: Annotated[
        str | None, typer.Option(help="Create a deployment with this name for it.")
    ] = None,
    lat: Annotated[
        float | None,
        typer.Option(min=-90, max=90, help="Latitude of the new deployment, in degrees."),
    ] = None,
    lon: Annotated[
        float | None,
        typer.Option(min=-180, max=180, help="Longitude of the new deployment, in degrees."),
    ] = None,
    time_zone: Annotated[
        str | None,
        typer.Option(
            help="Time zone of the new deployment; default: that of its coordinates, otherwise UTC."
        ),
    ] = None,
    gateway: Annotated[
        str | None,
        typer.Option(
            help="Gateway, such as rest for a JSON interface; by default that of the URL's scheme."
        ),
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="Option of the gateway; JSON, or @FILE with JSON."),
    ] = None,
    option_file: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=FILE",
            help="Secret or long option, read from a file; - is standard input.",
        ),
    ] = None,
    auth: Annotated[
        str | None, typer.Option(help="basic, bearer or header; basic with --username.")
    ] = None,
    username: Annotated[
        str | None, typer.Option(help="User name on the server; the password is prompted for.")
    ] = None,
    password_file: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="File with the password, token or header; - is standard input."
        ),
    ] = None,
    schedule: Annotated[
        str | None,
        typer.Option(help="Cron expression in the deployment's time zone; hourly by default."),
    ] = None,
    max_files: Annotated[
        int | None, typer.Option(min=0, help="Maximum number of files per run; 0 means no limit.")
    ] = None,
    order: Annotated[
        str | None,
        typer.Option(help="Files to import first: oldest (the default) or newest."),
    ] = None,
    include: Annotated[
        list[str] | None, typer.Option(help="Only names that match, such as `IMG_*.JPG`.")
    ] = None,
    exclude: Annotated[list[str] | None, typer.Option(help="Leave out names that match.")] = None,
    time_pattern: Annotated[
        str | None,
        typer.Option(help="Capture time in file names, such as `Aufnahme_YYMMDD_HHMM_*`."),
    ] = None,
    min_age: Annotated[
        int | None,
        typer.Option(min=0, metavar="SECONDS", help="Leave younger files for the next run."),
    ] = None,
    rate_limit: Annotated[
        float | None,
        typer.Option(metavar="PER-SECOND", help="Maximum number of requests per second."),
    ] = None,
    concurrency: Annotated[
        int | None, typer.Option(min=1, help="Maximum number of files at the same time.")
    ] = None,
    test: Annotated[
        bool,
        typer.Option("--test", help="Test the source first; nothing is added if the test fails."),
    ] = False,
    test_files: Annotated[
        int,
        typer.Option(
            "--test-files", min=0, max=20, help="Number of files to download in the test."
        ),
    ] = 2,
    as_json: AsJson = False,
) -> None:
    """Add a pull source."""
    from trapline.cli.output import print_json
    from trapline.cli.server_session import connect, resolve_deployment, resolve_project
    from trapline.cli.source_options import load_credentials, parse_options
    from trapline.cli.source_test_report import print_source_test
    from trapline.wire.deployments import NewDeployment
    from trapline.wire.sources import NewSource, SourceTestRequest

    options = parse_options(url, gateway, option or [], option_file or [])
    signs_with_key = url.lower().startswith("sftp:") and "key" in options
    settings: dict[str, Any] = {
        "name": name or url[:255],
        "base_url": url,
        "gateway": gateway,
        "options": options or None,
        "schedule": schedule,
        "max_files_per_run": max_files,
        "order": order,
        "include": include,
        "exclude": exclude,
        "filename_time_pattern": time_pattern,
        "min_age_s": min_age,
        "rate_limit_per_s": rate_limit,
        "concurrency": concurrency,
        **load_credentials(auth, username, password_file, has_key=signs_with_key),
    }
    settings = {key: value for key, value in settings.items() if value is not None}
    with connect() as server:
        within = resolve_project(server, project)
        settings["project"] = within.id
        if deployment:
            settings["deployment"] = resolve_deployment(server, within, deployment).id
        place = None
        if (
            create_deployment
            and (place := _find_deployment(server, within, create_deployment)) is not None
        ):
            settings["deployment"] = place
            create_deployment = None
        new_deployment = None
        if create_deployment:
            new_deployment = _checked(
                NewDeployment,
                project=within.id,
                name=create_deployment,
                latitude=lat,
                longitude=lon,
                time_zone=time_zone,
            )
        source = _checked(NewSource, **settings)
        if test:
            trial = SourceTestRequest(source=source, create_deployment=new_deployment)
            print_source_test(
                server.run_settings_test(trial, test_files),
                as_json=False,
                to_errors=as_json,
                added=False,
            )
        if new_deployment is not None:
            source = source.model_copy(
                update={"deployment": server.create_deployment(new_deployment).id}
            )
            source = NewSource.model_validate(source.model_dump(exclude_unset=True))
        created = server.create_source(source)
    if as_json:
        print_json(created)
    else:
        print(
            f"Added {created.name} for {created.deployment_name}; "
            f"polled: {created.schedule_in_words} ({created.time_zone})"
        )
        print(f"Import the present files: trapline source run {shlex.quote(created.name)} --wait")


def _find_deployment(server: "Trapline", project: "Project", name: str) -> Any:
    """Return the deployment of this name if an earlier attempt of this command created it."""
    return next((it.id for it in server.list_deployments(project.id) if it.name == name), None)


def _checked(kind: Any, **values: Any) -> Any:
    from pydantic import ValidationError

    from trapline.cli.errors import CommandError, ExitCode

    try:
        return kind(**values)
    except ValidationError as error:
        wrong = error.errors()[0]
        where = str(wrong["loc"][0]) if wrong["loc"] else "This"
        raise CommandError(
            f"{where} {wrong['msg'].removeprefix('Value error, ')}.", ExitCode.WRONG_USAGE
        ) from None
