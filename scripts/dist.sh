#!/usr/bin/env bash
# Builds what is installed without Rust, into dist/:
#
#   shelfsight-VERSION-linux-ARCH.tar.xz   unpack anywhere, run ./shelf serve in it
#   shelfsight_VERSION_ARCH.deb            /usr/bin/shelf, /etc/shelfsight, a systemd unit
#
# Both hold the stripped program, the models that configs/pipeline.yaml names, ONNX Runtime and the configuration, and need
# glibc 2.34 and libstdc++ alone: the gallery is searched by the index in Rust, as FAISS would need OpenBLAS.
# SHELF_BINARY=FILE packs a program that is built already.
set -euo pipefail
cd "$(dirname "$0")/.."
say() { printf 'dist: %s\n' "$*"; }
fail() { printf 'dist: %s\n' "$*" >&2; exit 1; }

SETUP_QUIET=1 SETUP_FOR=serve scripts/setup.sh
VERSION=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
MACHINE=$(uname -m)
case "$MACHINE" in
    x86_64) DEB_ARCH=amd64 ;;
    aarch64) DEB_ARCH=arm64 ;;
    *) fail "no packages are made for $MACHINE" ;;
esac
library=$(find .runtime/ -maxdepth 1 -name 'libonnxruntime.so.*' | sort -V | tail -1)
[ -n "$library" ] || fail "ONNX Runtime is not in .runtime/"

BINARY=${SHELF_BINARY:-}
if [ -z "$BINARY" ]; then
    ${CARGO:-cargo} build --locked --release --package tools --bin shelf --no-default-features --features full
    BINARY=${CARGO_TARGET_DIR:-target}/release/shelf
fi

# The same files at the same time give the same packages.
STAMP=$(git log -1 --format=%ct 2>/dev/null || stat -c %Y Cargo.toml)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p dist

# The weights that the configuration names, with their cards.
models() {
    local model
    for model in $(sed -n 's/^ *model: *\([^ #]*\).*/\1/p' configs/pipeline.yaml); do
        install -D -m 644 "$model" "$1/$model"
        install -D -m 644 "${model%.*}.card.json" "$1/${model%.*}.card.json"
    done
    install -D -m 644 models/README.md "$1/models/README.md"
}
program() {
    install -D -m 755 "$BINARY" "$1/shelf"
    strip "$1/shelf"
    install -m 644 "$library" "$1/"
}

# --- .tar.xz: laid out as the repository, so that its own configuration holds ----------------------------------------
name=shelfsight-$VERSION-linux-$MACHINE
root=$work/$name
program "$root"
models "$root"
for file in configs/pipeline.yaml configs/server.yaml configs/targets.yaml configs/.env.sample examples/shelf.jpg README.md CHANGELOG.md LICENSE; do
    install -D -m 644 "$file" "$root/$file"
done
tar -C "$work" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$STAMP" -cf - "$name" | xz -T0 -6 >"dist/$name.tar.xz.partial"
mv "dist/$name.tar.xz.partial" "dist/$name.tar.xz"

# --- .deb ------------------------------------------------------------------------------------------------------------
root=$work/deb
program "$root/usr/lib/shelfsight"
mkdir -p "$root/usr/bin" "$root/etc/shelfsight" "$root/DEBIAN"
ln -s ../lib/shelfsight/shelf "$root/usr/bin/shelf"
models "$root/usr/share/shelfsight"
install -D -m 644 examples/shelf.jpg "$root/usr/share/shelfsight/examples/shelf.jpg"
install -D -m 644 README.md "$root/usr/share/doc/shelfsight/README.md"
install -D -m 644 LICENSE "$root/usr/share/doc/shelfsight/copyright"
install -D -m 644 packaging/shelfsight.service "$root/usr/lib/systemd/system/shelfsight.service"
# What is relative to a folder in the repository lies at fixed places here.
sed -e 's|\([: :]\)models/|\1/usr/share/shelfsight/models/|g' -e 's|\([: :]\)data/|\1/var/lib/shelfsight/|g' \
    configs/pipeline.yaml >"$root/etc/shelfsight/pipeline.yaml"
install -m 644 configs/server.yaml configs/targets.yaml "$root/etc/shelfsight/"
install -m 644 configs/.env.sample "$root/etc/shelfsight/environment"
sed -i '/^[A-Z]/s/^/#/' "$root/etc/shelfsight/environment"
printf '/etc/shelfsight/%s\n' pipeline.yaml server.yaml targets.yaml environment >"$root/DEBIAN/conffiles"
cat >"$root/DEBIAN/control" <<CONTROL
Package: shelfsight
Version: $VERSION
Architecture: $DEB_ARCH
Maintainer: Shelfsight <shelfsight@localhost>
Section: utils
Priority: optional
Depends: libc6 (>= 2.34), libstdc++6, libgcc-s1
Recommends: ca-certificates, libheif1
Installed-Size: $(du -sk "$root" | cut -f1)
Description: Photograph a shelf, get every bottle, can and glass counted
 A server and a command that find, identify and count the containers on a photo
 of a shelf. Detector, embedder and ONNX Runtime are included.
CONTROL
find "$root" -exec touch --no-dereference --date="@$STAMP" {} +
deb=shelfsight_${VERSION}_$DEB_ARCH.deb
SOURCE_DATE_EPOCH=$STAMP dpkg-deb --root-owner-group -Zxz --build "$root" "dist/$deb.partial" >/dev/null
mv "dist/$deb.partial" "dist/$deb"

say "dist/$name.tar.xz: $(du -h "dist/$name.tar.xz" | cut -f1); dist/$deb: $(du -h "dist/$deb" | cut -f1)"
say "the program: $(du -h "$root/usr/lib/shelfsight/shelf" | cut -f1); needs $(objdump -p "$root/usr/lib/shelfsight/shelf" | awk '/NEEDED/ {print $2}' | tr '\n' ' ')"
