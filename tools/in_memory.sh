#!/bin/sh
# Run a command with its temporary files in memory, if enough is free, and delete them afterwards.
#
# The tests create about two thousand databases and a hundred data folders. On a disk, they spend
# half of their time waiting for it.
set -u
shm=/dev/shm
least_kib=8388608 # 8 GiB must be free there, and twice as much memory
free_kib=$(df -Pk "$shm" 2>/dev/null | awk 'NR == 2 { print $4 }')
memory_kib=$(awk '$1 == "MemAvailable:" { print $2 }' /proc/meminfo 2>/dev/null)

folder=""
if [ "${free_kib:-0}" -ge "$least_kib" ] &&
    [ "${memory_kib:-0}" -ge $((2 * least_kib)) ] && [ -w "$shm" ]; then
    folder=$(mktemp -d "$shm/trapline-tests.XXXXXX") || folder=""
fi
if [ -n "$folder" ]; then
    # PostgreSQL's unprivileged user must be able to access it, and programs in it must run.
    chmod 0711 "$folder"
    printf '#!/bin/sh\n' >"$folder/probe" && chmod 0755 "$folder/probe"
    if ! "$folder/probe" 2>/dev/null; then
        rm -rf "$folder"
        folder=""
    fi
fi
[ -n "$folder" ] || exec "$@"

export TMPDIR="$folder"
# Signals such as Ctrl-C end the command, but not this script, which still deletes the files.
trap : HUP INT TERM
"$@"
code=$?
rm -rf "$folder"
exit "$code"
