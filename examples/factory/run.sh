#!/usr/bin/env bash
# From a table of counts to a network for a microcontroller that tells the state of a shelf: full, ok, low, empty, misplaced,
# blocked, unknown. Starts a server of its own on a free port, with a store in a temporary folder, and ends it.
#
#   ./examples/factory/run.sh [FOLDER]      # where runs are kept [default: runs/factory]
#
# SHELF names the program (default: shelf on the PATH, else target/release/shelf).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
runs=$(mkdir -p "${1:-runs/factory}" && cd "${1:-runs/factory}" && pwd)
shelf=${SHELF:-$(command -v shelf || echo "$root/target/release/shelf")}
shelf=$(command -v "$shelf") || { echo "there is no program shelf: build it (cargo build --release) or set SHELF" >&2; exit 1; }

work=$(mktemp -d)
server=
clean() { [ -z "$server" ] || { kill "$server" 2>/dev/null; wait "$server" 2>/dev/null; } || true; rm -rf "$work"; }
trap clean EXIT
cd "$work"

echo "== a synthetic table"
awk -v rows=4200 -f "$here/counts.awk" > counts.csv
wc -l < counts.csv

echo "== a server"
# It needs no models of images for this: it says that it has none, and serves tables.
printf 'detector: {model: none.onnx}\nembedder: {model: none.onnx}\ngallery: {path: none}\n' > pipeline.yaml
export AI_V2_PIPELINE_CONFIG=$work/pipeline.yaml
key=$("$shelf" keys create trainer --role engineer | grep -o 'shelf_[A-Za-z0-9_-]*' | head -1)
"$shelf" serve --listen 127.0.0.1:0 2> server.log &
server=$!
for _ in $(seq 100); do
    address=$(sed -n 's|^listening on http://||p' server.log)
    [ -z "$address" ] || break
    sleep 0.1
done
[ -n "$address" ] || { cat server.log >&2; exit 1; }

echo "== the table goes up"
answer=$(curl -sS --fail-with-body -H "Authorization: Bearer $key" -F file=@counts.csv -F target_column=state \
    "http://$address/api/ml/datasets/upload")
dataset=$(grep -o '"dataset_id": *"[^"]*"' <<< "$answer" | cut -d'"' -f4)
echo "$dataset"

echo "== training"
run=$("$shelf" factory train --dataset-id "$dataset" --config "$root/configs/train.yaml" --api-base "http://$address" \
    --token "$key" --runs-dir "$runs" --format tflite-fp32,c-array)

echo "== what came out"
ls -l "$run"
"$shelf" models inspect "$run/model.tflite"
curl -sS -H "Authorization: Bearer $key" "http://$address/api/ml/models/deployed?status=staged"
echo
