#!/usr/bin/env bash
# Cross-builds the CUDA binary: dist/shelf-cuda.tar.xz. No GPU and no CUDA installation is needed; NVIDIA's compiler and
# libraries come from PyPI (1.2 GB) into .runtime/cuda. The result needs, on the machine that runs it: glibc 2.34, an NVIDIA
# driver (libcuda.so.1) and the CUDA 13 runtime libraries (libcudart, libcublas, libcublasLt, libcurand).
#
#   CUDA_COMPUTE_CAP=90   compute capability of the GPU (90 H100/H200, 89 L4/RTX 40, 86 RTX 30, 80 A100)
set -euo pipefail
cd "$(dirname "$0")/.."

CAP=${CUDA_COMPUTE_CAP:-90}
HOME_DIR=$PWD/.runtime/cuda
say() { printf 'cuda: %s\n' "$*"; }

requirements=(
    nvidia-cuda-nvcc==13.0.88 nvidia-nvvm==13.0.88 nvidia-cuda-crt==13.0.88 nvidia-cuda-runtime==13.0.96
    nvidia-cuda-cccl==13.0.85 nvidia-cuda-nvrtc==13.0.88 nvidia-cublas==13.0.2.14 nvidia-curand==10.4.0.35
)
stamp=$HOME_DIR/.requirements
if [ "$(cat "$stamp" 2>/dev/null)" != "${requirements[*]}" ]; then
    say "fetching NVIDIA's compiler and libraries (1.2 GB)"
    rm -rf "$HOME_DIR"
    python3 -m pip install --quiet --disable-pip-version-check --no-deps --target "$HOME_DIR" "${requirements[@]}"
    echo "${requirements[*]}" >"$stamp"
fi
CU=$HOME_DIR/nvidia/cu13

# The wheels carry only versioned names; linkers ask for the plain ones.
for library in cudart:13 cublas:13 cublasLt:13 nvrtc:13 curand:10; do
    name=lib${library%:*}.so
    ln -sf "$name.${library#*:}" "$CU/lib/$name"
done
ln -sfn lib "$CU/lib64"

# The driver's library exists only where there is a GPU: link against a stub with the same names.
stubs=$HOME_DIR/stubs
mkdir -p "$stubs"
if [ ! -f "$stubs/libcuda.so" ]; then
    grep -ohE '\bcu[A-Z][A-Za-z0-9_]*\b *\(' "$CU/include/cuda.h" | tr -d ' (' | sort -u |
        awk '{print "void " $0 "(void) {}"}' >"$stubs/cuda.c"
    # Versioned names (cuMemAlloc -> cuMemAlloc_v2) are macros in the header.
    grep -ohE '^#define +cu[A-Z][A-Za-z0-9_]* +cu[A-Z][A-Za-z0-9_]*' "$CU/include/cuda.h" |
        awk '{print "void " $3 "(void) {}"}' | sort -u >>"$stubs/cuda.c"
    sort -u -o "$stubs/cuda.c" "$stubs/cuda.c"
    cc -w -shared -fPIC -Wl,-soname,libcuda.so.1 -o "$stubs/libcuda.so" "$stubs/cuda.c"
    ln -sf libcuda.so "$stubs/libcuda.so.1"
fi

say "building for compute capability $CAP"
export CUDA_HOME=$CU CUDA_PATH=$CU CUDA_ROOT=$CU CUDA_TOOLKIT_ROOT_DIR=$CU CUDA_COMPUTE_CAP=$CAP
export NVCC_CCBIN=${NVCC_CCBIN:-/usr/bin/g++} PATH=$CU/bin:$PATH LIBRARY_PATH=$CU/lib:$stubs
${CARGO:-cargo} build --locked --release --features cuda --package tools --bin shelf --target-dir target/cuda

mkdir -p dist
cp target/cuda/release/shelf dist/shelf-cuda
strip dist/shelf-cuda
tar -C dist -cJf dist/shelf-cuda.tar.xz shelf-cuda
say "dist/shelf-cuda.tar.xz: $(du -h dist/shelf-cuda.tar.xz | cut -f1); needs $(objdump -p dist/shelf-cuda | awk '/NEEDED/ {print $2}' | tr '\n' ' ')"
