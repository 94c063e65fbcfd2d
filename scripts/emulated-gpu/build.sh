#!/usr/bin/env bash
# Builds the emulated GPU (README.md): OUT.so, links to it under the names of NVIDIA's libraries beside it, and one library per
# kernel source under OUT.kernels/.
#
#   build.sh OUT.so [OWN.cu ...]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cu=${CUDA_HOME:-$here/../../.runtime/cuda/nvidia/cu13}
out=${1:?build.sh OUT.so [OWN.cu ...]}
shift
mkdir -p "$(dirname "$out")"
out=$(cd "$(dirname "$out")" && pwd)/$(basename "$out")
kernels=${out%.so}.kernels
build=${out%.so}.build
CXX=${CXX:-g++}
say() { printf 'emulated-gpu: %s\n' "$*"; }

# No contraction to fused multiply-add: results then do not depend on the instructions that the CPU has.
flags=(-std=c++17 -O2 -fPIC -fno-strict-aliasing -ffp-contract=off)
if grep -qw avx2 /proc/cpuinfo && grep -qw fma /proc/cpuinfo; then flags+=(-mavx2 -mfma); fi

candle=$(ls -d "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*/candle-kernels-*/src 2>/dev/null | sort -V | tail -1)
[ -n "$candle" ] || { say "candle-kernels is not in cargo's registry: build the program with CUDA first" >&2; exit 1; }

# ---- kernels ----
sources=()
for name in affine binary cast conv fill indexing reduce sort ternary unary; do sources+=("$candle/$name.cu"); done
sources+=("$@")
mkdir -p "$build" "$kernels"
wanted=()
for source in "${sources[@]}"; do
    source=$(realpath "$source")
    # Two sources may have one file name: the folder above tells them apart.
    name=$(basename "$(dirname "$source")")-$(basename "$source" .cu)
    wanted+=("$name.so")
    # Made anew where the source, a header beside it, or this emulator changed.
    stamp=$({ cat "$source" "$(dirname "$source")"/*.cuh "$here"/shim/*.h "$here"/shim/cuda/std/* "$here/build.sh" 2>/dev/null || true; } | sha256sum)
    [ "$(cat "$build/$name.stamp" 2>/dev/null)" = "$stamp" ] && [ -f "$kernels/$name.so" ] && continue
    say "$source"
    # Dynamic shared memory is declared extern; on the host it is a pointer to the core's buffer.
    sed -E 's/extern[[:space:]]+__shared__[[:space:]]+(__align__\([^)]*\)[[:space:]]+)?([A-Za-z_][A-Za-z0-9_:<> ]*[ *&>])([A-Za-z_][A-Za-z0-9_]*)\[\];/\2 *const \3 = (\2 *)EMU_DYNAMIC_SHARED;/' \
        "$source" >"$build/$name.cu"
    # Misaligned accesses and indices outside of arrays (shared memory's, for one) trap.
    device=("${flags[@]}" -fsanitize=alignment,bounds -fsanitize-undefined-trap-on-error -fvisibility=hidden -w -x c++ -include "$here/shim/device.h" -I"$here/shim" -I"$(dirname "$source")")
    # The first pass only finds the kernels' names: the functions without C++ name mangling.
    "$CXX" "${device[@]}" -O0 -c "$build/$name.cu" -o "$build/$name.o"
    nm --defined-only "$build/$name.o" | awk '$2 == "T" && $3 !~ /^_Z/ {print "EMU_KERNEL(" $3 ")"}' >"$build/$name.list"
    rm -f "$build/$name.o"
    printf '#include "%s"\n#include "launcher.h"\n' "$build/$name.cu" >"$build/$name.host.cpp"
    "$CXX" "${device[@]}" -DEMU_KERNEL_LIST="\"$build/$name.list\"" -shared "$build/$name.host.cpp" -o "$kernels/$name.so"
    # Where shared memory lies, for the core to fill: address in the library, size, name as in PTX.
    nm -S --defined-only "$kernels/$name.so" | awk 'NF == 4 && $4 ~ /^_ZZ/ {print $1, $2, $4}' >"$kernels/$name.statics"
    echo "$stamp" >"$build/$name.stamp"
done
for library in "$kernels"/*.so; do
    case " ${wanted[*]} " in *" $(basename "$library") "*) ;; *) rm -f "$library" "${library%.so}.statics" ;; esac
done

# ---- core ----
objects=()
for source in "$here"/core/*.cpp; do
    object=$build/core-$(basename "$source" .cpp).o
    "$CXX" "${flags[@]}" -Wall -Wextra -Wno-unused-parameter -iquote "$here/shim" -isystem "$cu/include" -c "$source" -o "$object"
    objects+=("$object")
done
# Every other function of the three libraries ends the program with its name, so that nothing is left undone in silence.
nm --defined-only "${objects[@]}" | awk '$2 == "T" {print $3}' | sort -u >"$build/defined"
{
    grep -ohE '\bcu[A-Z][A-Za-z0-9_]*[[:space:]]*\(' "$cu/include/cuda.h" | tr -d ' ('
    grep -ohE '^#[[:space:]]*define +cu[A-Z][A-Za-z0-9_]* +cu[A-Z][A-Za-z0-9_]*' "$cu/include/cuda.h" | awk '{print $NF}'
    grep -ohE '\bcublas(Lt)?[A-Z][A-Za-z0-9_]*[[:space:]]*\(' "$cu"/include/cublas{_api,_v2,Lt}.h | tr -d ' ('
    grep -ohE '\bcurand[A-Z][A-Za-z0-9_]*[[:space:]]*\(' "$cu/include/curand.h" | tr -d ' ('
} | sort -u | comm -23 - "$build/defined" | awk '
    BEGIN {print "void emu_missing(const char *name);"}
    {print "void " $1 "(void) { emu_missing(\"" $1 "\"); }"}' >"$build/missing.c"
"${CC:-gcc}" -w -O1 -fPIC -c "$build/missing.c" -o "$build/missing.o"
# The program asks for NVIDIA's symbol versions.
cat >"$build/versions" <<V
libcublas.so.13 { global: cublas[!L]*; };
libcublasLt.so.13 { global: cublasLt*; };
libcurand.so.10 { global: curand*; };
V
"$CXX" -shared -Wl,--version-script="$build/versions" "${objects[@]}" "$build/missing.o" -o "$out" -ldl -lpthread
for name in libcuda.so.1 libcublas.so.13 libcublasLt.so.13 libcurand.so.10; do
    ln -sf "$(basename "$out")" "$(dirname "$out")/$name"
done
say "$out: $(cat "$build"/*.list | wc -l) kernels"
