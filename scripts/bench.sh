#!/usr/bin/env bash
# Measures on this machine and writes docs/results/*.csv, each with its command. Needs models and a photo:
#   AI_V2_DETECTOR_MODEL, AI_V2_CLASSIFIER_MODEL (ONNX), AI_V2_EMBEDDINGS_PATH, and PHOTO=shelf.jpg
# Leave the machine alone meanwhile.
set -euo pipefail
cd "$(dirname "$0")/.."
PHOTO=${PHOTO:?name a shelf photo: PHOTO=shelf.jpg make bench}
CARGO=${CARGO:-cargo}

$CARGO build --locked --release --package tools --bin shelf --examples
target/release/examples/engines --csv docs/results/engines.csv
target/release/examples/serving --shelf target/release/shelf --photo "$PHOTO" --csv docs/results/serving.csv
