#!/usr/bin/env bash
# Sends generated requests of every kind to a running server, as its own /openapi.json describes them: no answer may be a 5xx, and
# every answer must have a status and a body that the document names. A 504 to a request that set its own deadline is reported, too. Give it a server of its own: it changes what it can.
#
#   pip install schemathesis==4.32.5
#   SHELF=target/release/shelf SECONDS_TO_SPEND=150 scripts/fuzz-http.sh
set -euo pipefail
cd "$(dirname "$0")/.."
SHELF=$(realpath "${SHELF:-target/release/shelf}")
SCHEMATHESIS=${SCHEMATHESIS:-schemathesis}
PORT=${PORT:-8131}
WORK=$(mktemp -d)
cleanup() { kill "$server" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$WORK"; }
sed 's/^  keep: false/  keep: true/' configs/server.yaml >"$WORK/server.yaml"
DATABASE_URL=sqlite://$WORK/db.sqlite OBJECTS_URL=$WORK/objects \
    "$SHELF" serve --server-config "$WORK/server.yaml" --listen "127.0.0.1:$PORT" >"$WORK/log" 2>&1 &
server=$!
trap cleanup EXIT
until curl -sf "http://127.0.0.1:$PORT/readyz" >/dev/null; do
    kill -0 "$server" || { cat "$WORK/log"; exit 1; }
    sleep 0.2
done
# A photo, so that there is something to be asked for.
curl -sf -F image=@examples/shelf.jpg "http://127.0.0.1:$PORT/v2/recognize?store=s1&shelf=a" >/dev/null
# A stream of events ends when its job does: it is no answer to wait for.
status=0
# What it remembers of failures stays out of the tree.
(cd "$WORK" && "$SCHEMATHESIS" run "http://127.0.0.1:$PORT/openapi.json" -u "http://127.0.0.1:$PORT" --phases examples,coverage,fuzzing \
    --checks not_a_server_error,response_schema_conformance,content_type_conformance,status_code_conformance \
    --exclude-path-regex events --max-time "${SECONDS_TO_SPEND:-150}" --continue-on-failure -n 50) || status=$?
if grep ' panicked ' "$WORK/log"; then status=1; fi
kill -0 "$server" || { echo "the server is gone"; status=1; }
exit $status
