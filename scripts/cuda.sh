#!/usr/bin/env bash
# Cross-builds the CUDA binary: dist/shelf-cuda.tar.xz. No GPU and no CUDA installation is needed. The result needs, on the
# machine that runs it: glibc 2.34, an NVIDIA driver (libcuda.so.1) and the CUDA 13 runtime libraries (libcudart, libcublas,
# libcublasLt, libcurand).
#
#   CUDA_COMPUTE_CAP=90   compute capability of the GPU (90 H100/H200, 89 L4/RTX 40, 86 RTX 30, 80 A100)
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/cuda-toolkit.sh
say() { printf 'cuda: %s\n' "$*"; }

say "building for compute capability $CUDA_COMPUTE_CAP"
${CARGO:-cargo} build --locked --release --features cuda --package tools --bin shelf --target-dir target/cuda

mkdir -p dist
cp target/cuda/release/shelf dist/shelf-cuda
strip dist/shelf-cuda
tar -C dist -cJf dist/shelf-cuda.tar.xz shelf-cuda
say "dist/shelf-cuda.tar.xz: $(du -h dist/shelf-cuda.tar.xz | cut -f1); needs $(objdump -p dist/shelf-cuda | awk '/NEEDED/ {print $2}' | tr '\n' ' ')"
