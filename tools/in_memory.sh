#!/bin/sh
# Run a command with its temporary files in memory, where there is plenty of it, and take them away at its end.
#
# The suite makes some two thousand databases and a hundred data folders: on a disk it waits for it half of the time.
set -u
shm=/dev/shm
least_kib=8388608 # 8 GiB free there, and twice as much memory
free_kib=$(df -Pk "$shm" 2>/dev/null | awk 'NR == 2 { print $4 }')
memory_kib=$(awk '$1 == "MemAvailable:" { print $2 }' /proc/meminfo 2>/dev/null)

folder=""
if [ "${free_kib:-0}" -ge "$least_kib" ] && [ "${memory_kib:-0}" -ge $((2 * least_kib)) ] && [ -w "$shm" ]; then
    folder=$(mktemp -d "$shm/trapline-tests.XXXXXX") || folder=""
fi
if [ -n "$folder" ]; then
    # PostgreSQL's unprivileged user must reach it, and programs in it must run.
    chmod 0711 "$folder"
    printf '#!/bin/sh\n' >"$folder/probe" && chmod 0755 "$folder/probe"
    if ! "$folder/probe" 2>/dev/null; then
        rm -rf "$folder"
        folder=""
    fi
fi
[ -n "$folder" ] || exec "$@"

export TMPDIR="$folder"
# Whoever presses Ctrl-C means the command; what it leaves is taken away all the same.
trap : HUP INT TERM
"$@"
code=$?
rm -rf "$folder"
exit "$code"
