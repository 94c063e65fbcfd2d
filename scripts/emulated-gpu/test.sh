#!/usr/bin/env bash
# Tests the emulated GPU itself: kernels, matrix products, random numbers, and that misuse ends the program.
#
#   test.sh [FOLDER]     everything it makes lies there [a temporary folder]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cu=${CUDA_HOME:-$here/../../.runtime/cuda/nvidia/cu13}
cap=${CUDA_COMPUTE_CAP:-90}
folder=${1:-$(mktemp -d)}
mkdir -p "$folder/ptx"
candle=$(ls -d "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*/candle-kernels-*/src | sort -V | tail -1)

"$here/build.sh" "$folder/emulated-gpu.so" "$here/test.cu"
for source in "$here/test.cu" "$candle"/{unary,affine,reduce,cast,sort}.cu; do
    ptx=$folder/ptx/$(basename "$source" .cu).ptx
    [ "$ptx" -nt "$source" ] || "$cu/bin/nvcc" -ptx -arch="sm_$cap" -std=c++17 --expt-relaxed-constexpr -I"$cu/include/cccl" "$source" -o "$ptx"
done
"${CXX:-g++}" -std=c++17 -O1 -Wall -isystem "$cu/include" "$here/test.cpp" -o "$folder/test" \
    -L"$folder" -l:libcuda.so.1 -l:libcublas.so.13 -l:libcurand.so.10 -Wl,-rpath-link,"$folder"
export EMULATED_GPU=$folder/emulated-gpu.so
"$here/run.sh" "$folder/test" "$folder/ptx"
EMULATED_GPU_GUARD=1 EMULATED_GPU_CHECK=1 "$here/run.sh" "$folder/test" "$folder/ptx"
for fault in $("$here/run.sh" "$folder/test" "$folder/ptx" list); do
    if message=$("$here/run.sh" "$folder/test" "$folder/ptx" "$fault" 2>&1); then
        echo "$fault was not found" >&2
        exit 1
    fi
    grep -q '^emulated-gpu: ' <<<"$message" || { echo "$fault ended without a message: $message" >&2; exit 1; }
    printf '%-16s %s\n' "$fault" "$(grep -m1 '^emulated-gpu: ' <<<"$message" | cut -c15-)"
done
