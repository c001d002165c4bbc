#!/bin/sh
# Install a hashed lock file into a virtual environment: install_locked.sh BIN LOCK
# pip installs uv, which is in the lock file, and uv installs the rest in seconds. If uv fails, pip
# installs everything.
set -eu
bin=$1 lock=$2
pip() { "$bin/python" -m pip --disable-pip-version-check --quiet "$@"; }

if pip --version >/dev/null 2>&1; then
    if ! "$bin/uv" --version >/dev/null 2>&1; then
        only_uv=$(mktemp)
        trap 'rm -f "$only_uv"' EXIT
        awk '/^[^ ]/ { ours = /^uv==/ } ours' "$lock" >"$only_uv"
        pip install --require-hashes --requirement "$only_uv"
    fi
    # uv does not read pip's configuration, so the index of this machine is passed on.
    index=$(pip config get global.index-url 2>/dev/null || true)
    index=${PIP_INDEX_URL:-$index}
    if [ -n "$index" ] && [ -z "${UV_DEFAULT_INDEX:-}" ]; then
        UV_DEFAULT_INDEX=$index
        export UV_DEFAULT_INDEX
    fi
    if [ -n "${PIP_CERT:-}" ] && [ -z "${SSL_CERT_FILE:-}" ]; then
        SSL_CERT_FILE=$PIP_CERT
        export SSL_CERT_FILE
    fi
fi
if VIRTUAL_ENV=$(dirname "$bin") \
    "$bin/uv" pip install --quiet --require-hashes --requirement "$lock"; then
    exit 0
fi
echo "uv could not install the locked packages; pip installs them, which takes longer." >&2
pip install --require-hashes --requirement "$lock"
