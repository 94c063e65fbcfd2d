#!/usr/bin/env bash
# Measures on this machine and renews docs/results/*.csv. What it cannot renew it leaves, and says why. Each renewal adds a line
# to docs/results/history.csv: date, commit, processor, and one metric by which a regression is seen.
#
#   make bench                      all of it
#   make bench ONLY=engines,serving these alone
#
# Needs `make setup`; some metrics need more and say so when they are left:
#   SHELF_DATA    the development images and weights
#   TORCH_PYTHON  a Python with PyTorch, FAISS_PYTHON one with faiss-cpu, SKLEARN_PYTHON one with scikit-learn,
#                 TENSORFLOW_PYTHON one with TensorFlow, to be compared with
# Leave the machine alone meanwhile.
set -euo pipefail
cd "$(dirname "$0")/.."
CARGO=${CARGO:-cargo}
DATA=${SHELF_DATA:-../shared/data}
BIN=${CARGO_TARGET_DIR:-target}/release
ONLY=${ONLY:-}
OURS=.runtime/python/bin/python
YOLO=$DATA/weights/yolov8n-coco/yolov8n_coco_dequant_fp32.onnx
LITE0=$DATA/weights/efficientnet-lite0-imagenet/efficientnet_lite0_imagenet.onnx
EMBEDDER=models/classifier/shelf-v3-fp16.onnx
AISLE=$DATA/shelf-scenes/dev/cola-aisle-hk
CANS=$DATA/shelf-scenes/dev/coke-shelf-small

wanted() { [ -z "$ONLY" ] || [[ ",$ONLY," == *",$1,"* ]]; }
said=()
leave() { said+=("$1"); ! wanted "$1" || printf 'bench: %-34s left: %s\n' "$1" "$2"; }

# renew NAME METRIC ROW COLUMN COMMAND...: what COMMAND prints becomes docs/results/NAME.csv. METRIC is kept in the history: the
# COLUMN of the first row that matches ROW.
renew() {
    local name=$1 metric=$2 row=$3 column=$4
    shift 4
    said+=("$name")
    wanted "$name" || return 0
    printf 'bench: %-34s measuring\n' "$name"
    local output
    output=$(mktemp)
    if "$@" >"$output"; then
        python3 scripts/bench_record.py "docs/results/$name.csv" "$output" "$metric" "$row" "$column"
    else
        printf 'bench: %-34s left: its command failed\n' "$name"
    fi
    rm -f "$output"
}
# As renew, where FOLDER is there; left otherwise.
renew_from() {
    local folder=$1
    shift
    if [ -e "$folder" ]; then renew "$@"; else leave "$1" "there is no $folder (set SHELF_DATA)"; fi
}

# Examples lie in different crates; their name is enough.
run() {
    local source package
    source=$(ls -d ./*/examples/"$1".rs ./*/examples/"$1"/main.rs 2>/dev/null | head -1)
    package=$(echo "$source" | cut -d/ -f2)
    $CARGO build --quiet --locked --release --package "$package" --example "$1" >&2
    "$BIN/examples/$1" "${@:2}"
}
# Programs that write a file themselves.
to_file() {
    local file
    file=$(mktemp)
    run "$1" "${@:2}" "$file" >&2 && cat "$file"
    rm -f "$file"
}
coco() { AI_V2_DETECTOR_MODEL=$YOLO AI_V2_CLASSIFIER_MODEL=$LITE0 "$@"; }
evaluated() {
    local folder
    folder=$(mktemp -d)
    echo "# AI_V2_DETECTOR_MODEL=$(basename "$YOLO") shelf eval detector ${*/$DATA/\$SHELF_DATA} --report report/"
    coco "$BIN/shelf" eval detector "$@" --no-gate --report "$folder" >&2 && cat "$folder"/*.csv
    rm -rf "$folder"
}
equality() {
    echo "# cargo test -p eval --test it pycocotools -- --nocapture --test-threads 1: this project's metrics and pycocotools'"
    echo "set,figure,shelfsight,pycocotools"
    $CARGO test --quiet --locked -p eval --test it pycocotools -- --nocapture --test-threads 1 2>/dev/null |
        sed -n 's/^equality,//p' | grep -v ' of ' | grep -E '^(coco128|dense|nasty [0-2][, ]|nasty without crowds 10[01])'
}

$CARGO build --locked --release --package tools --bin shelf

# --- serving ---------------------------------------------------------------------------------------------------------
renew_from "$YOLO" engines "embedder, one crop, ms by ONNX Runtime" "embedder, one crop" onnxruntime_ms_per_picture \
    coco to_file engines --csv
renew_from "$YOLO" serving "server, requests a second" server_requests_per_s value \
    coco to_file serving --shelf "$BIN/shelf" --photo "$DATA/coco128-parity/images/val2017/000000000632.jpg" --csv
renew_from "$YOLO" serving_crowded "server, requests a second" server_requests_per_s value \
    coco to_file serving --shelf "$BIN/shelf" --photo "$AISLE/scene.jpg" --rounds 3 --photos 16 --requests 110 --csv
renew live_gallery "a label is visible, ms at p99" "flat,100000,label_visible" p99_ms run live_gallery 100000
if [ -n "${FAISS_PYTHON:-}" ]; then
    renew gallery_search "60 queries in 10,000, median ms" "10000,60,flat in Rust" median_ms run gallery_bench "$FAISS_PYTHON"
else
    leave gallery_search "FAISS_PYTHON names no Python with faiss-cpu to be compared with"
fi

# --- data sets -------------------------------------------------------------------------------------------------------
renew hash_speed "photos, MB a second" photos shelf_mb_per_s to_file hash_speed
renew_from "$DATA" near_copies "half size, found" "half size" found to_file near_copies "$DATA"
leave synth_speed "it compares versions of the renderer, each built from its own commit; synth_speed times the present one"

# --- evaluation ------------------------------------------------------------------------------------------------------
renew_from "$YOLO" eval_yolov8n_coco128 "mAP50" "all,,map50," value \
    evaluated --data "$DATA/coco128-parity" --part val --all-classes --protocol coco --robustness --resamples 300
renew_from "$YOLO" eval_yolov8n_scenes "recall" "all,,recall," value \
    evaluated --data "$DATA/shelf-scenes/dev" --labelled-only --classes bottle,can,glass,unknown_container --robustness
renew_from "$YOLO" pycocotools_equality "dense, mAP50" "dense,map50," shelfsight equality
renew_from "$YOLO" shelf_scenes_yolov8n "aisle, recall with auto" "cola-aisle-hk,auto" recall \
    run shelf_report "$YOLO" 1 "$AISLE" "$CANS" "$AISLE@2" "$AISLE@3" "$CANS@2" "$CANS@3"
renew_from "$YOLO" auto_tiling_yolov8n "recall with auto" "images,auto" recall \
    run shelf_report "$YOLO" 8 "$DATA/ayesha-bottle-detection/dev/images"
renew_from "$LITE0" few_shot_mductran "top-1, first by name" "first by name" top1_nearest run few_shot --shots 3 --draws 5
leave eval_speed "a quarter of an hour of pycocotools: cargo run --release -p eval --example coco_speed -- $OURS 5000 150 1"
leave eval_int8_against_fp32 "it needs int8 weights of another publisher, which are not among the development data"
leave detector_parity "three programs and pycocotools one after the other; its own tests hold the metrics at every change"

# --- what people are asked -------------------------------------------------------------------------------------------
mean="^5,queue,"
renew_from "$DATA" labels_needed_beverage "seed 5, first top-1" "$mean" top1 run labels_needed "$DATA/mductran-beverage-skus/dev/crops" "$EMBEDDER" 0.9 5
renew_from "$DATA" labels_needed_beverage_untrained "seed 5, first top-1" "$mean" top1 run labels_needed "$DATA/mductran-beverage-skus/dev/crops" "$LITE0" 0.9 5
renew_from "$DATA" labels_needed_grocery "seed 5, first top-1" "$mean" top1 run labels_needed "$DATA/grocerystore-packages/dev/train" "$EMBEDDER" 0.9 5
renew_from "$DATA" labels_needed_grocery_untrained "seed 5, first top-1" "$mean" top1 run labels_needed "$DATA/grocerystore-packages/dev/train" "$LITE0" 0.9 5
leave labels_needed_grocery_unseen "it needs the twin of the embedder that never saw a quarter of the SKUs: a training of an hour"
leave labels_needed_mixed_unseen "as labels_needed_grocery_unseen"
leave review_reliability "hours: 200 servers killed, and S3 and PostgreSQL taken away (tools/examples/review_reliability)"

# --- training --------------------------------------------------------------------------------------------------------
for name in ops_speed step_speed; do
    leave "$name" "joined by hand from ${name%_speed}_bench.rs and ${name%_speed}_bench.py, which needs ${TORCH_PYTHON:-a Python with PyTorch}"
done
leave step_memory "it compares with the code of an earlier commit"
for name in detector_int8 detector_scales detector_shelf_v2 embedder_cut_short embedder_shelf_v1 embedder_shelf_v2 threshold_shelf_v2; do
    leave "$name" "the outcome of trainings of hours, whose configurations lie in models/"
done

leave verify_actions "needs a server that runs: scripts/verify-actions.py URL"
leave fuzz_http "needs schemathesis: scripts/fuzz-http.sh"

# --- tables ----------------------------------------------------------------------------------------------------------
if [ -n "${SKLEARN_PYTHON:-}" ]; then
    renew tabular_parity "digits, svm, accuracy" "digits,svm" shelf "$SKLEARN_PYTHON" scripts/tabular-parity.py "$BIN/shelf"
    renew tabular_tune "wine, svm, beside Optuna" "^wine,svm" ratio "$SKLEARN_PYTHON" scripts/tabular-tune.py "$BIN/shelf"
    $CARGO build --quiet --locked --release --package tabular --example table_speed >&2
    renew tabular_speed "clean and split, beside polars" "^clean" ratio "$SKLEARN_PYTHON" scripts/tabular-speed.py "$BIN/examples/table_speed"
    renew boosters_parity "digits, lightgbm, accuracy" "digits,lightgbm" shelf "$SKLEARN_PYTHON" scripts/boosters-parity.py "$BIN/shelf"
else
    leave boosters_parity "SKLEARN_PYTHON names no Python with lightgbm, xgboost-cpu and scikit-learn to be compared with"
    leave tabular_tune "SKLEARN_PYTHON names no Python with optuna and scikit-learn to be compared with"
    leave tabular_speed "SKLEARN_PYTHON names no Python with scikit-learn, lightgbm, xgboost-cpu, pandas and polars to be compared with"
    leave tabular_parity "SKLEARN_PYTHON names no Python with scikit-learn to be compared with"
fi

renew forecast_synthetic "90 % intervals that held" "^all," model_coverage python3 scripts/forecast-coverage.py "$BIN/shelf"
# --- devices ---------------------------------------------------------------------------------------------------------
crops() {
    run tflite_embedder models/classifier/shelf-v3-native.safetensors "$OURS" runs/tflite 600 \
        grocery="$DATA/grocerystore-packages/dev/train" beverage="$DATA/mductran-beverage-skus/dev/crops"
}
renew_from "$DATA" tflite_embedder "beverage, int8, top-1" "^beverage.*int8" top1 crops
# The table is synthetic, and its generator is the same everywhere.
beside_tensorflow() {
    local what=$1 table
    table=$(mktemp)
    awk -v rows=100000 -f examples/factory/counts.awk >"$table"
    $CARGO build --quiet --locked --release --package train --example factory_mlp >&2
    case $what in
        train) "$TENSORFLOW_PYTHON" scripts/tensorflow-mlp.py train "$BIN/examples/factory_mlp" "$table" ;;
        files)
            "$TENSORFLOW_PYTHON" scripts/tensorflow-mlp.py files "$BIN/shelf" "$BIN/examples/factory_mlp" "$table" \
                embedder-fp32=runs/tflite/fp32.tflite embedder-int8=runs/tflite/int8.tflite
            ;;
    esac
    rm -f "$table"
}
if [ -n "${TENSORFLOW_PYTHON:-}" ]; then
    renew factory_training "time, beside Keras" "^median" ratio beside_tensorflow train
    renew factory_files "MLP, int8, bytes" "mlp,shelf,int8" bytes beside_tensorflow files
else
    for name in factory_training factory_files; do
        leave "$name" "TENSORFLOW_PYTHON names no Python with scripts/requirements-tensorflow.txt to be compared with"
    done
fi

# --- building --------------------------------------------------------------------------------------------------------
leave tiling "a quarter of an hour, twice: its head says how"
leave facing_heights "a quarter of an hour: its head says how"
for name in open_set prototypes shelf_counts_coolers; do
    leave "$name" "half an hour: scripts/coolers.sh"
done
leave row_height "chosen once on the validation part of the coolers; its head says how"
leave fuzz_readers "minutes: cargo run -p fuzz -- run --mutations 20000 --target READER, one after the other"
leave cold_build "an hour of building from nothing: scripts/cold-build.sh"

# Nothing is forgotten: tools/tests/it/results.rs holds this list to the folder.
for file in docs/results/*.csv; do
    name=$(basename "$file" .csv)
    [ "$name" = history ] || [[ " ${said[*]} " == *" $name "* ]] || { echo "bench: $file is neither renewed nor left" >&2; exit 1; }
done
