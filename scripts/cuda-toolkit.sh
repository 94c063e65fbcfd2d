#!/usr/bin/env bash
# To be sourced: NVIDIA's compiler and libraries from PyPI (1.2 GB) in .runtime/cuda, and the environment that builds with them.
# No GPU and no CUDA installation is needed. Defines CU, the toolkit's folder, and STUBS, a libcuda to link against.

CUDA_FOLDER=$PWD/.runtime/cuda
requirements=(
    nvidia-cuda-nvcc==13.0.88 nvidia-nvvm==13.0.88 nvidia-cuda-crt==13.0.88 nvidia-cuda-runtime==13.0.96
    nvidia-cuda-cccl==13.0.85 nvidia-cuda-nvrtc==13.0.88 nvidia-cublas==13.0.2.14 nvidia-curand==10.4.0.35
)
stamp=$CUDA_FOLDER/.requirements
if [ "$(cat "$stamp" 2>/dev/null)" != "${requirements[*]}" ]; then
    echo "cuda: fetching NVIDIA's compiler and libraries (1.2 GB)"
    rm -rf "$CUDA_FOLDER"
    python3 -m pip install --quiet --disable-pip-version-check --no-deps --target "$CUDA_FOLDER" "${requirements[@]}"
    echo "${requirements[*]}" >"$stamp"
fi
CU=$CUDA_FOLDER/nvidia/cu13

# The wheels carry only versioned names; linkers ask for the plain ones.
for library in cudart:13 cublas:13 cublasLt:13 nvrtc:13 curand:10; do
    name=lib${library%:*}.so
    ln -sf "$name.${library#*:}" "$CU/lib/$name"
done
ln -sfn lib "$CU/lib64"

# The driver's library exists only where there is a GPU: link against a stub with the same names.
STUBS=$CUDA_FOLDER/stubs
mkdir -p "$STUBS"
if [ ! -f "$STUBS/libcuda.so" ]; then
    grep -ohE '\bcu[A-Z][A-Za-z0-9_]*\b *\(' "$CU/include/cuda.h" | tr -d ' (' | sort -u |
        awk '{print "void " $0 "(void) {}"}' >"$STUBS/cuda.c"
    # Versioned names (cuMemAlloc -> cuMemAlloc_v2) are macros in the header.
    grep -ohE '^#define +cu[A-Z][A-Za-z0-9_]* +cu[A-Z][A-Za-z0-9_]*' "$CU/include/cuda.h" |
        awk '{print "void " $3 "(void) {}"}' | sort -u >>"$STUBS/cuda.c"
    sort -u -o "$STUBS/cuda.c" "$STUBS/cuda.c"
    cc -w -shared -fPIC -Wl,-soname,libcuda.so.1 -o "$STUBS/libcuda.so" "$STUBS/cuda.c"
    ln -sf libcuda.so "$STUBS/libcuda.so.1"
fi

# Compute capability of the GPU: 90 H100 and H200, 89 L4 and RTX 40, 86 RTX 30, 80 A100.
export CUDA_COMPUTE_CAP=${CUDA_COMPUTE_CAP:-90}
export CUDA_HOME=$CU CUDA_PATH=$CU CUDA_ROOT=$CU CUDA_TOOLKIT_ROOT_DIR=$CU
export NVCC_CCBIN=${NVCC_CCBIN:-/usr/bin/g++} PATH=$CU/bin:$PATH LIBRARY_PATH=$CU/lib:$STUBS
