"""A valid value for every documented setting, other than its default, and how it is read.

The values are written by hand: nothing here is taken from the settings themselves.
"""

from typing import Any, NamedTuple


class Value(NamedTuple):
    """The text of a variable, and the value that is read from it."""

    text: str
    read: Any


def _same(text: str) -> Value:
    return Value(text, text)


KEY = "a key of the tests with more than 32 characters"

SERVER_VALUES = {
    "TRAPLINE_DATA": _same("/srv/other"),
    "DATABASE_URL": _same("postgresql://trapline:secret@db.example.org/trapline"),
    "TRAPLINE_DATABASE_CONNECTIONS": Value("7", 7),
    "TRAPLINE_PUBLIC_URL": _same("https://trapline.example.org"),
    "TRAPLINE_SECRET_KEY": _same(KEY),
    "TRAPLINE_LEASE_S": Value("2.5", 2.5),
    "TRAPLINE_LEASE_MAX_S": Value("60", 60.0),
    "TRAPLINE_REAPER_S": Value("0.5", 0.5),
    "TRAPLINE_TASK_ERRORS": Value("4", 4),
    "TRAPLINE_TASK_LOSSES": Value("6", 6),
    "TRAPLINE_HELD_AT_MOST": Value("100", 100),
    "TRAPLINE_WORKER_ADDITIONS": Value("false", False),
    "TRAPLINE_MAX_IMAGE_BYTES": Value("1000000", 1_000_000),
    "TRAPLINE_MAX_IMAGE_PIXELS": Value("2000000", 2_000_000),
    "TRAPLINE_MAX_JSON_BYTES": Value("3000000", 3_000_000),
    "TRAPLINE_MAX_RESULT_BYTES": Value("4000000", 4_000_000),
    "TRAPLINE_DELETED_IMAGES_KEPT_DAYS": Value("0.5", 0.5),
    "TRAPLINE_EXPORTS_KEPT_DAYS": Value("1.5", 1.5),
    "TRAPLINE_FILE_CHECK_MIB_PER_S": Value("2.5", 2.5),
    "TRAPLINE_FILE_CHECK_EVERY_DAYS": Value("3.5", 3.5),
    "TRAPLINE_DECODERS": Value("3", 3),
    "TRAPLINE_ALLOW_PRIVATE_SOURCES": Value("true", True),
    "TRAPLINE_ALLOWED_NETWORKS": Value(
        "10.1.0.0/16, 127.0.0.1:8901", ("10.1.0.0/16", "127.0.0.1:8901")
    ),
    "TRAPLINE_SOURCE_FOLDERS": Value("/srv/cards,/srv/disks", ("/srv/cards", "/srv/disks")),
    "TRAPLINE_PROJECT_CREATION": _same("operators"),
    "TRAPLINE_TRUSTED_PROXIES": Value("10.2.0.1,10.3.0.0/24", ("10.2.0.1", "10.3.0.0/24")),
    "TRAPLINE_WORKER_CALLS_PER_S": Value("1500", 1500.0),
    "TRAPLINE_TOKEN_CALLS_PER_S": Value("900", 900.0),
    "TRAPLINE_ADDRESS_CALLS_PER_S": Value("90", 90.0),
    "TRAPLINE_STREAMS_AT_ONCE": Value("20", 20),
    "ML_ANALYSIS_ENABLED": Value("false", False),
    "ML_CALLBACK_HMAC_SECRET": _same("first secret,second secret"),
    "ML_HMAC_ALLOW_SHARED_SECRET": Value("false", False),
    "ML_HMAC_MIN_VERSION": Value("2", 2),
    "ML_PIPELINE_REQUIRE_HMAC": Value("false", False),
    "ML_HMAC_TIMESTAMP_SKEW_SECONDS": Value("60", 60),
    "ML_CALLBACK_MAX_BODY_BYTES": Value("2048", 2048),
    "ML_ALLOWED_MODELS": Value("one, two", ("one", "two")),
    "ML_MAX_ANALYSES_PER_IMAGE": Value("5", 5),
    "ML_MAX_BULK_ANNOTATIONS": Value("50", 50),
    "ML_MAX_ARTIFACT_BYTES": Value("1024", 1024),
    "ML_PRESIGNED_URL_EXPIRY_SECONDS": Value("60", 60),
    "ML_STALE_AFTER_S": Value("120", 120),
    "S3_ENDPOINT": _same("https://s3.example.org"),
    "S3_PUBLIC_ENDPOINT": _same("https://files.example.org"),
    "S3_BUCKET": _same("images"),
    "S3_ACCESS_KEY_ID": _same("key id"),
    "S3_SECRET_ACCESS_KEY": _same("access key"),
    "S3_REGION": _same("eu-central-1"),
    "TRAPLINE_OIDC_ISSUER": _same("https://login.example.org"),
    "TRAPLINE_OIDC_CLIENT_ID": _same("trapline"),
    "TRAPLINE_OIDC_CLIENT_SECRET": _same("client secret"),
    "TRAPLINE_OIDC_SCOPES": _same("openid email"),
    "TRAPLINE_OIDC_NAME": _same("the institute"),
    "TRAPLINE_METRICS_TOKEN": _same("a token for the metrics"),
    "TRAPLINE_METRICS_LISTEN": _same("127.0.0.1:9464"),
    "TRAPLINE_SMTP_URL": _same("smtps://ada:secret@mail.example.org"),
    "TRAPLINE_MAIL_FROM": _same("cameras@example.org"),
    "TRAPLINE_NATS_ACCOUNT_SEED": _same(
        "SAAJ55RKIL74FR6GMBT26EKSFHN5VM4Z6GHJZE6JZH2D7SHSFVKANWXH4M"
    ),
    "TRAPLINE_NATS_CA_FILE": _same("/etc/nats/ca.pem"),
    "TRAPLINE_NATS_CERTIFICATE_FILE": _same("/etc/nats/server.pem"),
    "TRAPLINE_NATS_CREDENTIALS_FILE": _same("/etc/nats/trapline.creds"),
    "TRAPLINE_NATS_KEY_FILE": _same("/etc/nats/server.key"),
    "TRAPLINE_NATS_URL": _same("nats://ada:secret@nats.example.org:4222"),
    "TRAPLINE_MAP_TILES": _same("https://tiles.example.org/{z}/{x}/{y}.png"),
    "TRAPLINE_MAP_ATTRIBUTION": _same("© Example"),
    "TRAPLINE_LOG_FORMAT": _same("text"),
    "TRAPLINE_LOG_LEVEL": _same("warning"),
}

WORKER_VALUES = {
    "TRAPLINE_SERVER": Value("https://trapline.example.org", "https://trapline.example.org/api/v2"),
    "TRAPLINE_TOKEN": _same("a token of a worker"),
    "TRAPLINE_SERVICE_NAME": _same("night worker"),
    "TRAPLINE_BATCH_SIZE": Value("8", 8),
    "TRAPLINE_LOADERS": Value("2", 2),
    "TRAPLINE_THREADS": Value("3", 3),
    "TRAPLINE_DEVICE": Value("cuda", "cuda:0"),
    "TRAPLINE_ALLOW_CPU": Value("true", True),
    "TRAPLINE_METRICS": _same("127.0.0.1:9100"),
    "TRAPLINE_MODEL_START_TIMEOUT": Value("100", 100.0),
    "TRAPLINE_RETRY_MAX": Value("5", 5),
    "TRAPLINE_RETRY_BACKOFF": Value("1.5", 1.5),
    "TRAPLINE_READ_TIMEOUT": Value("20", 20.0),
    "TRAPLINE_POST_TIMEOUT": Value("40", 40.0),
    "TRAPLINE_MODEL_TIMEOUT": Value("80", 80.0),
    "TRAPLINE_STOP_TIMEOUT": Value("9", 9.0),
    "TRAPLINE_POLL": Value("1.25", 1.25),
    "TRAPLINE_PIXELS_IN_FLIGHT": Value("2000000", 2_000_000),
    "TRAPLINE_MAX_IMAGE_PIXELS": Value("3000000", 3_000_000),
    "TRAPLINE_MAX_IMAGE_BYTES": Value("4000000", 4_000_000),
    "TRAPLINE_MODEL_CACHE": _same("/srv/models"),
    "TRAPLINE_ACCEPT_LICENCES": _same("AGPL-3.0"),
    "TRAPLINE_OUTBOX": _same("/srv/outbox"),
}
