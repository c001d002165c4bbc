"""Settings: misspelt names stop the start, values are checked, secret keys have versions."""

from pathlib import Path

import pytest

from trapline.server.app.settings import (
    TEST_NAMES,
    Settings,
    SettingsError,
    list_known_variables,
    load_secret_keys,
    load_settings,
    parse_listen_address,
    parse_secrets,
    validate_variables,
)
from trapline.server.app.settings.variables import KUBERNETES_NAME
from trapline.server.platform.network.email_sender import parse_smtp_url

NO_FILE = Path("/nonexistent/.env")
KEY = "k" * 32


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("TRAPLINE_LEASE_S=7\nTRAPLINE_REAPER_S=2\n", encoding="utf-8")
    settings = load_settings({"TRAPLINE_LEASE_S": "9"}, file)
    assert (settings.lease_s, settings.reaper_s) == (9, 2)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("TRAPLINE_LEASES", "TRAPLINE_LEASE_S"),
        ("TRAPLINE_PUBLIC_ULR", "TRAPLINE_PUBLIC_URL"),
        ("ML_STALE_AFTER", "ML_STALE_AFTER_S"),
        ("S3_BUKET", "S3_BUCKET"),
    ],
)
def test_a_misspelt_name_stops_the_start_and_is_told_the_nearest(name: str, nearest: str) -> None:
    with pytest.raises(SettingsError, match=f"{name} is set.*Did you mean {nearest}"):
        load_settings({name: "1"}, NO_FILE)


@pytest.mark.parametrize("name", sorted(list_known_variables() - TEST_NAMES))
def test_every_name_with_two_letters_exchanged_is_refused_with_its_own(name: str) -> None:
    prefix, _, rest = name.partition("_")
    places = [
        at
        for at in range(len(rest) - 1)
        if rest[at] != rest[at + 1] and "_" not in rest[at : at + 2]
    ]
    at = places[len(places) // 2]
    misspelt = f"{prefix}_{rest[:at]}{rest[at + 1]}{rest[at]}{rest[at + 2 :]}"
    if prefix == "DATABASE":
        return  # its prefix is not ours: what else begins so belongs to others
    assert not KUBERNETES_NAME.search(name), "a service of Kubernetes could set it"
    with pytest.raises(SettingsError, match=f"Did you mean {name}\\?"):
        validate_variables({misspelt: "1"})


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("9464", ("127.0.0.1", 9464)),
        ("10.0.0.5:9464", ("10.0.0.5", 9464)),
        ("[::1]:9464", ("::1", 9464)),
    ],
)
def test_a_place_to_listen_is_a_port_or_an_address_with_one(
    text: str, place: tuple[str, int]
) -> None:
    assert (
        parse_listen_address(
            load_settings({"TRAPLINE_METRICS_LISTEN": text}, NO_FILE).metrics_listen or ""
        )
        == place
    )


@pytest.mark.parametrize("text", ["metrics", "0", "65536", ":9464", "10.0.0.5", "http://x:1/"])
def test_a_place_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="TRAPLINE_METRICS_LISTEN must be a port"):
        load_settings({"TRAPLINE_METRICS_LISTEN": text}, NO_FILE)


def test_a_misspelt_name_in_the_file_stops_the_start_too(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("TRAPLINE_DATTA=/x\n", encoding="utf-8")
    with pytest.raises(SettingsError, match="TRAPLINE_DATTA"):
        load_settings({}, file)


@pytest.mark.parametrize(
    "name",
    [
        "TRAPLINE_SERVICE_HOST",
        "TRAPLINE_SERVICE_PORT",
        "TRAPLINE_SERVICE_PORT_HTTP",
        "TRAPLINE_PORT",
        "TRAPLINE_PORT_8000_TCP_ADDR",
        "TRAPLINE_API_PORT_80_TCP",
        "S3_SERVICE_HOST",
    ],
)
def test_names_that_kubernetes_makes_are_ignored(name: str) -> None:
    validate_variables({name: "tcp://10.0.0.1:8000"})


def test_names_of_other_parts_are_known() -> None:
    validate_variables(
        {"TRAPLINE_SERVER": "x", "TRAPLINE_SAMPLES": "x", "ML_ALLOWED_MODELS": "x", "HOME": "/"}
    )


def test_settings_of_outside_pipelines_are_read_by_their_bare_names() -> None:
    settings = load_settings(
        {
            "ML_ALLOWED_MODELS": "yolo , deer-net",
            "ML_CALLBACK_HMAC_SECRET": "a, b",
            "S3_BUCKET": "pictures",
        },
        NO_FILE,
    )
    assert settings.ml_allowed_models == ("yolo", "deer-net")
    assert parse_secrets(settings.ml_callback_hmac_secret) == ("a", "b")
    assert settings.s3_bucket == "pictures"
    with pytest.raises(SettingsError, match=r"ML_CALLBACK_HMAC_SECRET has more than 3 secrets"):
        load_settings({"ML_CALLBACK_HMAC_SECRET": "one,two,three,four"}, NO_FILE)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TRAPLINE_LEASE_S", "0"),
        ("TRAPLINE_LEASE_S", "soon"),
        ("TRAPLINE_PUBLIC_URL", "trapline.example.org"),
        ("TRAPLINE_ALLOWED_NETWORKS", "10.0.0.0/8,camera:99999"),
        ("TRAPLINE_LOG_FORMAT", "xml"),
    ],
)
def test_a_value_that_cannot_be_used_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        load_settings({name: value}, NO_FILE)


def test_lists_are_comma_separated_and_empty_means_not_set() -> None:
    settings = load_settings(
        {"TRAPLINE_ALLOWED_NETWORKS": "10.0.0.0/8, fd00::/8", "TRAPLINE_LEASE_S": ""}, NO_FILE
    )
    assert settings.allowed_networks == ("10.0.0.0/8", "fd00::/8")
    assert settings.lease_s == 300


def test_the_secret_key_is_made_once_and_kept_private(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path / "data")
    keys = load_secret_keys(settings)
    assert list(keys) == [1]
    assert len(keys[1]) >= 32
    assert load_secret_keys(settings) == keys
    assert (tmp_path / "data" / "secret-key").stat().st_mode & 0o777 == 0o600


def test_secret_keys_have_versions() -> None:
    assert load_secret_keys(load_settings({"TRAPLINE_SECRET_KEY": KEY}, NO_FILE)) == {
        1: KEY.encode()
    }
    both = load_settings({"TRAPLINE_SECRET_KEY": f"1:{KEY},2:{KEY}2"}, NO_FILE)
    assert load_secret_keys(both) == {1: KEY.encode(), 2: f"{KEY}2".encode()}


@pytest.mark.parametrize("given", ["short", f"x:{KEY},2:{KEY}", f"1:{KEY},2:short"])
def test_a_weak_or_unreadable_secret_key_is_refused_without_being_shown(given: str) -> None:
    with pytest.raises(SettingsError, match="TRAPLINE_SECRET_KEY") as told:
        load_secret_keys(load_settings({"TRAPLINE_SECRET_KEY": given}, NO_FILE))
    assert given not in str(told.value)
    assert given not in repr(load_settings({"TRAPLINE_SECRET_KEY": given}, NO_FILE))


@pytest.mark.parametrize(
    "url",
    [
        "mail.example.org",
        "http://ada:s3cr3t@mail.example.org",
        "smtps://ada:s3cr3t@",
        "smtps://ada@mail.example.org",
        "smtps://ada:s3cr3t/x@mail.example.org",
        "smtps://[ada:s3cr3t@mail.example.org",
        "smtp://ada:s3cr3t@mail.example.org",
    ],
)
def test_a_mail_server_that_cannot_be_used_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(SettingsError, match="TRAPLINE_SMTP_URL") as refused:
        load_settings({"TRAPLINE_SMTP_URL": url}, NO_FILE)
    assert "s3cr3t" not in str(refused.value)


def test_a_mail_server_is_read_with_its_password() -> None:
    given = {
        "TRAPLINE_SMTP_URL": "smtp+starttls://ada:p%40ss%3A@mail.example.org",
        "TRAPLINE_MAIL_FROM": "T <t@s.example>",
    }
    settings = load_settings(given, NO_FILE)
    assert settings.smtp_url is not None
    server = parse_smtp_url(
        settings.smtp_url.get_secret_value(), settings.mail_from or "", "s.example"
    )
    assert (server.host, server.port, server.protection) == ("mail.example.org", 587, "starttls")
    assert (server.user, server.password, server.sender) == ("ada", "p@ss:", "T <t@s.example>")
    assert "p@ss" not in repr(server) + repr(settings)


@pytest.mark.parametrize(
    "url", ["nats.example.org", "http://nats.example.org", "nats://ada:s3cr3t/x@nats.example.org"]
)
def test_a_nats_server_that_cannot_be_used_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(SettingsError, match="TRAPLINE_NATS_URL") as refused:
        load_settings({"TRAPLINE_NATS_URL": f"nats://one.example,{url}"}, NO_FILE)
    assert "s3cr3t" not in str(refused.value)


@pytest.mark.parametrize(
    "sender", ["a@b.example\r\nBcc: c@d.example", "a@b.example, c@d.example", "nobody", "T <t@>"]
)
def test_a_sender_is_one_address(sender: str) -> None:
    with pytest.raises(SettingsError, match="TRAPLINE_MAIL_FROM must be one e-mail address"):
        load_settings({"TRAPLINE_MAIL_FROM": sender}, NO_FILE)
