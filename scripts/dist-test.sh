#!/usr/bin/env bash
# Installs what `make dist` built on a bare Debian 12 (debootstrap, in a chroot: root needed) and has it answer a photo:
#
#   1. the tarball: unpacked, started, photo posted
#   2. the .deb: the second stage of the Dockerfile, step by step, with its user and its health check
#
# BARE=FOLDER keeps the Debian there and uses it again. DEBIAN_MIRROR names a mirror.
set -euo pipefail
cd "$(dirname "$0")/.."
say() { printf 'dist-test: %s\n' "$*"; }
fail() { printf 'dist-test: %s\n' "$*" >&2; exit 1; }

[ "$(id -u)" -eq 0 ] || fail "a chroot needs root: run it with sudo"
tarball=$(ls -t dist/shelfsight-*.tar.xz | head -1) && deb=$(ls -t dist/shelfsight_*.deb | head -1) || fail "run 'make dist' first"
command -v debootstrap >/dev/null || apt-get install --yes --no-install-recommends -qq debootstrap >/dev/null

work=$(mktemp -d)
bare=${BARE:-$work/debian}
server=
cleanup() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    [ -z "$server" ] || wait "$server" 2>/dev/null || true
    mountpoint -q "$bare/proc" && umount "$bare/proc"
    rm -rf "$work"
}
trap cleanup EXIT
if [ ! -x "$bare/bin/bash" ]; then
    say "a bare Debian 12"
    debootstrap --variant=minbase bookworm "$bare" "${DEBIAN_MIRROR:-http://deb.debian.org/debian}" >"$work/log" || { tail "$work/log"; fail "debootstrap failed"; }
fi
mount -t proc proc "$bare/proc"

# Of a server that answers the network.
key=

# Posts the example to port $1 until it is answered, and says what came.
ask() {
    local answer
    for _ in $(seq 100); do
        if answer=$(curl --silent --fail --max-time 60 -H "Authorization: Bearer $key" -F image=@examples/shelf.jpg "http://127.0.0.1:$1/v2/recognize"); then
            python3 - "$answer" <<'PYTHON'
import json, sys
answer = json.loads(sys.argv[1])
facings = len(answer["detections"])
if facings < 50:
    sys.exit(f"only {facings} facings: {sys.argv[1][:300]}")
print(f"dist-test: {facings} facings in {answer['timing_ms']['total']:.0f} ms, by {answer['release']['detector']}")
PYTHON
            return
        fi
        kill -0 "$server" 2>/dev/null || fail "the server ended"
        sleep 0.2
    done
    fail "no answer on port $1"
}

# --- 1. the tarball --------------------------------------------------------------------------------------------------
rm -rf "$bare/opt/shelfsight-"*
tar -C "$bare/opt" -xJf "$tarball"
folder=/opt/$(basename "$tarball" .tar.xz)
chroot "$bare" /bin/bash -c "cd $folder && exec ./shelf serve --listen 127.0.0.1:18431" 2>"$work/server.log" &
server=$!
ask 18431 || { cat "$work/server.log"; exit 1; }
kill "$server" && wait "$server" || fail "the server did not end well: $(cat "$work/server.log")"
server=
say "the tarball serves"

# --- 2. the .deb, as the Dockerfile installs it ----------------------------------------------------------------------
cp "$deb" "$bare/tmp/"
chroot "$bare" dpkg --purge shelfsight >/dev/null 2>&1 || true
chroot "$bare" dpkg --install "/tmp/$(basename "$deb")" >/dev/null
rm "$bare/tmp/$(basename "$deb")"
chroot "$bare" id shelfsight >/dev/null 2>&1 || chroot "$bare" useradd --system --uid 10001 \
    --home-dir /var/lib/shelfsight --create-home --shell /usr/sbin/nologin shelfsight
run_as() { chroot --userspec=10001 "$bare" /usr/bin/env -C /var/lib/shelfsight HOME=/var/lib/shelfsight "$@"; }
run_as shelf doctor >"$work/doctor" || { cat "$work/doctor"; fail "shelf doctor finds something wrong"; }
run_as shelf recognize /usr/share/shelfsight/examples/shelf.jpg
run_as shelf serve --listen 0.0.0.0:8000 2>"$work/refused" && fail "it answers the network without a key"
grep -q "shelf keys create" "$work/refused" || fail "it does not say how to make a key: $(cat "$work/refused")"
key=$(run_as shelf keys create admin --role admin)
run_as shelf serve --listen 0.0.0.0:8000 2>"$work/server.log" &
server=$!
ask 8000 || { cat "$work/server.log"; exit 1; }
# The Dockerfile's own health check.
python3 - >"$work/health" <<'PYTHON'
import json, re
line = next(line for line in open("Dockerfile") if line.startswith("HEALTHCHECK"))
print(json.loads(re.search(r"CMD (\[.*\])", line).group(1))[2])
PYTHON
run_as bash -c "$(cat "$work/health")" || fail "the health check of the Dockerfile fails on a server that is ready"
kill "$server" && wait "$server" || true
server=
! run_as bash -c "$(cat "$work/health")" 2>/dev/null || fail "the health check passes without a server"
chroot "$bare" dpkg --verify shelfsight || fail "installed files are not those of the package"
say "the .deb serves, and the health check tells"
