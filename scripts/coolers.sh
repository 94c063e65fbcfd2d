#!/usr/bin/env bash
# Identity and counts on the reserved photos of the coolers, by the models of configs/pipeline.yaml: docs/results/shelf_counts_coolers.csv,
# prototypes.csv and open_set.csv. Settings are chosen on val; test decides nothing.
#
#   SHELF_DATA=../shared/data scripts/coolers.sh                    # models as configured
#   WEIGHTS=models/classifier/next.onnx scripts/coolers.sh          # another embedder, whose background is made first if it has none
set -euo pipefail
cd "$(dirname "$0")/.."
DATA=${SHELF_DATA:-../shared/data}
SHELF=${SHELF:-target/release/shelf}
SPLIT=${SPLIT:-models/detector/splits/tgmt-pepsi-coolers.json}
COOLERS=$DATA/tgmt-pepsi-coolers/dev
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
WEIGHTS=${WEIGHTS:-$(sed -n '/^embedder:/,/model:/s/^ *model: *\([^ ]*\).*/\1/p' configs/pipeline.yaml)}
export AI_V2_CLASSIFIER_MODEL=$WEIGHTS
MARGIN=$(sed -n 's/.*"margin": *\([0-9.]*\).*/\1/p' "${WEIGHTS%.*}.card.json")

sets=(beverage3-bottle-can/dev ayesha-bottle-detection/dev datacluster-bottles-cups/dev paddle-drinks/dev
    grocerystore-packages/dev/train)
if [ ! -e "${WEIGHTS%.*}.background.npy" ] || [ "${BACKGROUND:-}" = anew ]; then
    "$SHELF" gallery background "${sets[@]/#/$DATA/}"
fi
# without SET: names the same embedder with a background that leaves a set out: what is enrolled must not be in it.
without() {
    mkdir -p "$WORK/$1"
    cp "$WEIGHTS" "${WEIGHTS%.*}.card.json" "$WORK/$1/"
    cp "${WEIGHTS%.*}.background.npy" "$WORK/$1/"
    others=()
    for set in "${sets[@]}"; do [[ $set = $1/* ]] || others+=("$DATA/$set"); done
    "$SHELF" gallery background "${others[@]}" --weights "$WORK/$1/$(basename "$WEIGHTS")"
    export AI_V2_CLASSIFIER_MODEL=$WORK/$1/$(basename "$WEIGHTS")
}

# metric NAME FILE: a metric of a report.
metric() { sed -n "/^ *\"$1\": [-0-9n]/{s/^[^:]*: \([^,]*\),*$/\1/p;q}" "$2"; }
# some N FROM TO: N images of each folder, the same whenever it runs.
some() {
    for folder in "$2"/*/; do
        mkdir -p "$3/$(basename "$folder")"
        find "$folder" -type f | LC_ALL=C sort | shuf -n "$1" --random-source=<(yes 42) |
            xargs -r cp -t "$3/$(basename "$folder")"
    done
}

for part in train val test; do
    "$SHELF" dataset crop "$COOLERS" --split "$SPLIT" --part $part --only-named --margin "${MARGIN:-0}" --output "$WORK/$part" > "$WORK/crop.log"
done

counts=docs/results/shelf_counts_coolers.csv
{
    echo "# command: scripts/coolers.sh; weights: $WEIGHTS; gallery: exemplars a SKU from train, sampled by seed"
    echo "part,exemplars,gallery settings,top1,count_mae,count_cacc,count_mae_true_boxes,count_cacc_true_boxes,top1_true_boxes,count_mae_true_skus,count_cacc_true_skus,ece,accepted,named,false_accepts"
} > "$counts"
# count PART EXEMPLARS [SETTING=VALUE...]: settings of the section gallery.
count() {
    sed "/^review:/,\$s/  enabled: true/  enabled: false/" configs/pipeline.yaml > "$WORK/pipeline.yaml"
    for setting in "${@:3}"; do sed -i "s/^  ${setting%%=*}: [^ ]*/  ${setting%%=*}: ${setting#*=}/" "$WORK/pipeline.yaml"; done
    "$SHELF" eval shelf-counts --test-dir "$COOLERS" --split "$SPLIT" --part "$1" --pipeline-config "$WORK/pipeline.yaml" --no-gate \
        --resamples 0 --json "$WORK/counts.json" > /dev/null
    settings=${*:3}
    line="$1,$2,${settings:-as configured}"
    for name in top1 count_mae count_cacc count_mae_true_boxes count_cacc_true_boxes top1_true_boxes count_mae_true_skus \
        count_cacc_true_skus ece accepted_as_served named_as_served false_accepts_as_served; do
        line="$line,$(metric $name "$WORK/counts.json")"
    done
    echo "$line" | tee -a "$counts"
}
for exemplars in ${EXEMPLARS:-1 3 20 60}; do
    some "$exemplars" "$WORK/train" "$WORK/enrolled-$exemplars"
    export AI_V2_EMBEDDINGS_PATH=$WORK/gallery-$exemplars
    sed "/^review:/,\$s/  enabled: true/  enabled: false/" configs/pipeline.yaml > "$WORK/build.yaml"
    "$SHELF" gallery build "$WORK/enrolled-$exemplars" --config "$WORK/build.yaml" > "$WORK/build.log" 2>&1
    count val "$exemplars"
    if [ "$exemplars" = 20 ]; then
        count val 20 row_context=0
        count val 20 prototype=0
        count val 20 photo_prior=false
        count val 20 photo_prior=false impostors=look_alikes
        count val 20 threshold=0
        count val 20 threshold=0 row_context=0
        count val 20 threshold=0.70 row_context=0
    fi
    count test "$exemplars"
    # Half of a shop enrolled, on whole photos: what is not enrolled is foreign there.
    if [ "$exemplars" = 20 ]; then
        mkdir "$WORK/half-20"
        number=0
        for folder in "$WORK"/enrolled-20/*/; do
            number=$((number + 1))
            [ $((number % 2)) = 0 ] || cp -r "$folder" "$WORK/half-20/"
        done
        export AI_V2_EMBEDDINGS_PATH=$WORK/gallery-half
        "$SHELF" gallery build "$WORK/half-20" --config "$WORK/build.yaml" > "$WORK/build.log" 2>&1
        count val "20 of every other SKU"
        count val "20 of every other SKU" prototype=0
        count val "20 of every other SKU" photo_prior=false
        count val "20 of every other SKU" photo_prior=false impostors=look_alikes
        count val "20 of every other SKU" threshold=0
        count test "20 of every other SKU"
    fi
done

open=docs/results/open_set.csv
{
    echo "# command: scripts/coolers.sh; weights: $WEIGHTS; every other SKU enrolled, the others are unknown"
    echo "set,exemplars,impostors,top1,auroc,dir_at_far_0.01,dir_at_far_0.05,dir_at_far_0.1,ece,accepted,named,false_accepts"
} > "$open"
# halves ENROL QUERY NAME EXEMPLARS: every other folder is enrolled.
halves() {
    rm -rf "$WORK/half"
    mkdir -p "$WORK/half"/{enrol,query,unknown}
    number=0
    for folder in "$1"/*/; do
        sku=$(basename "$folder")
        number=$((number + 1))
        [ -d "$2/$sku" ] || { [ $((number % 2)) = 0 ] || cp -r "$folder" "$WORK/half/enrol/"; continue; }
        if [ $((number % 2)) = 1 ]; then
            cp -r "$folder" "$WORK/half/enrol/"
            cp -r "$2/$sku" "$WORK/half/query/"
        else
            cp -r "$2/$sku" "$WORK/half/unknown/"
        fi
    done
    for impostors in background look_alikes; do
        sed "s/^  impostors: [^ ]*/  impostors: $impostors/" configs/pipeline.yaml > "$WORK/pipeline.yaml"
        "$SHELF" eval classifier --enrol "$WORK/half/enrol" --query "$WORK/half/query" --unknown "$WORK/half/unknown" --exemplars "$4" \
            --pipeline-config "$WORK/pipeline.yaml" --no-gate --resamples 0 --json "$WORK/open.json" > /dev/null
        line="$3,$4,$impostors"
        for name in top1 auroc dir_at_far_0.01 dir_at_far_0.05 dir_at_far_0.1 ece accepted_as_served named_as_served \
            false_accepts_as_served; do
            line="$line,$(metric $name "$WORK/open.json")"
        done
        echo "$line" | tee -a "$open"
    done
}
prototypes=docs/results/prototypes.csv
{
    echo "# command: scripts/coolers.sh; weights: $WEIGHTS; all SKUs enrolled; weight: gallery.prototype, 0 is the nearest exemplars alone"
    echo "set,exemplars,weight,top1,ece"
} > "$prototypes"
# weigh ENROL QUERY NAME EXEMPLARS...
weigh() {
    for exemplars in "${@:4}"; do
        for weight in 0 0.5 1; do
            sed "s/^  prototype: [^ ]*/  prototype: $weight/" configs/pipeline.yaml > "$WORK/pipeline.yaml"
            "$SHELF" eval classifier --enrol "$1" --query "$2" --exemplars "$exemplars" --pipeline-config "$WORK/pipeline.yaml" \
                --no-gate --resamples 0 --json "$WORK/weigh.json" > /dev/null
            line="$3,$exemplars,$weight"
            for name in top1 ece; do line="$line,$(metric $name "$WORK/weigh.json")"; done
            echo "$line" | tee -a "$prototypes"
        done
    done
}
weigh "$WORK/train" "$WORK/val" "coolers val" 1 3 5 20 60
weigh "$WORK/train" "$WORK/test" "coolers test" 3 20
weigh "$DATA/mductran-beverage-skus/dev/crops" "$DATA/mductran-beverage-skus/dev/crops" mductran 3 5 20
weigh "$DATA/grocerystore-packages/dev/train" "$DATA/grocerystore-packages/dev/val" grocerystore-packages 3 5 20
weigh "$DATA/paddle-drinks/dev" "$DATA/paddle-drinks/dev" paddle-drinks 3

for exemplars in ${EXEMPLARS:-1 3 20 60}; do
    halves "$WORK/train" "$WORK/val" "coolers val" "$exemplars"
    halves "$WORK/train" "$WORK/test" "coolers test" "$exemplars"
done
for exemplars in 1 5; do
    halves "$DATA/mductran-beverage-skus/dev/crops" "$DATA/mductran-beverage-skus/dev/crops" "mductran" "$exemplars"
done
without grocerystore-packages
for exemplars in 1 5; do
    halves "$DATA/grocerystore-packages/dev/train" "$DATA/grocerystore-packages/dev/val" "grocerystore-packages" "$exemplars"
done
without paddle-drinks
halves "$DATA/paddle-drinks/dev" "$DATA/paddle-drinks/dev" "paddle-drinks" 1
