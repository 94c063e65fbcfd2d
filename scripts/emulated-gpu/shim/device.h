// Included before a .cu source that g++ compiles for the host: the words of CUDA C++ that g++ does not know.
#pragma once
#include <cassert>
#include <cfloat>
#include <climits>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <type_traits>
#include <math.h> // after <cmath>: the names without std::

#include "abi.h"

#ifndef __CUDA_ARCH__
#define __CUDA_ARCH__ 900
#endif
#define __CUDACC__ 1
#define __CUDACC_VER_MAJOR__ 13
#define __CUDACC_VER_MINOR__ 0

#define __global__
#define __device__
#define __host__
#define __constant__ static
#define __managed__ static
// Blocks run one after another on one thread, so that static storage serves as a block's shared memory. (`extern __shared__`
// is rewritten by build.sh.)
#define __shared__ static
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))
#define __grid_constant__

static EmuState emu_state;
#define EMU_DYNAMIC_SHARED emu_state.dynamic_shared

struct uint3 {
    unsigned x, y, z;
};
struct dim3 {
    unsigned x, y, z;
    constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};
#define threadIdx emu_state.thread
#define blockIdx emu_state.block
#define blockDim emu_state.block_dim
#define gridDim emu_state.grid_dim
static constexpr int warpSize = 32;

#define EMU_VECTOR(NAME, T, ALIGN2, ALIGN4)                                                                                        \
    struct NAME##1 { T x; };                                                                                                       \
    struct __align__(ALIGN2) NAME##2 { T x, y; };                                                                                  \
    struct __align__(ALIGN4) NAME##4 { T x, y, z, w; };                                                                            \
    static inline NAME##2 make_##NAME##2(T x, T y) { return {x, y}; }                                                              \
    static inline NAME##4 make_##NAME##4(T x, T y, T z, T w) { return {x, y, z, w}; }
#define EMU_VECTOR3(NAME, T)                                                                                                       \
    struct NAME##3 { T x, y, z; };                                                                                                 \
    static inline NAME##3 make_##NAME##3(T x, T y, T z) { return {x, y, z}; }
EMU_VECTOR(char, signed char, 2, 4)
EMU_VECTOR(uchar, unsigned char, 2, 4)
EMU_VECTOR(short, short, 4, 8)
EMU_VECTOR(ushort, unsigned short, 4, 8)
EMU_VECTOR(int, int, 8, 16)
EMU_VECTOR(uint, unsigned, 8, 16)
EMU_VECTOR(longlong, long long, 16, 16)
EMU_VECTOR(ulonglong, unsigned long long, 16, 16)
EMU_VECTOR(float, float, 8, 16)
EMU_VECTOR(double, double, 16, 16)
EMU_VECTOR3(char, signed char)
EMU_VECTOR3(uchar, unsigned char)
EMU_VECTOR3(int, int)
EMU_VECTOR3(float, float)
EMU_VECTOR3(double, double)
static inline uint3 make_uint3(unsigned x, unsigned y, unsigned z) { return {x, y, z}; }

// ---- synchronisation ------------------------------------------------------------------------------------------------------------

static inline void __syncthreads() { emu_state.block_barrier(); }
static inline void __syncwarp(unsigned mask = 0xffffffffu) { emu_state.warp(EMU_WARP_SYNC, mask, 0, 0); }
static inline void __threadfence() {}
static inline void __threadfence_block() {}
static inline void __threadfence_system() {}

static inline unsigned emu_lane() {
    unsigned linear = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
    return linear % 32;
}
template <typename T> static inline T emu_shuffle(unsigned mask, T value, unsigned source) {
    static_assert(sizeof(T) <= 8, "a shuffle moves at most eight bytes");
    uint64_t bits = 0;
    memcpy(&bits, &value, sizeof(T));
    bits = emu_state.warp(EMU_WARP_SHUFFLE, mask, bits, source);
    memcpy(&value, &bits, sizeof(T));
    return value;
}
// A source outside of the lane's group of `width` lanes leaves the lane its own value, as the hardware does.
template <typename T> static inline T __shfl_sync(unsigned mask, T value, int source, int width = 32) {
    unsigned lane = emu_lane(), group = lane & ~(unsigned)(width - 1);
    return emu_shuffle(mask, value, group + ((unsigned)source & (width - 1)));
}
template <typename T> static inline T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32) {
    unsigned lane = emu_lane(), inside = lane & (width - 1);
    return emu_shuffle(mask, value, inside >= delta ? lane - delta : lane);
}
template <typename T> static inline T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32) {
    unsigned lane = emu_lane(), inside = lane & (width - 1);
    return emu_shuffle(mask, value, inside + delta < (unsigned)width ? lane + delta : lane);
}
template <typename T> static inline T __shfl_xor_sync(unsigned mask, T value, int lanes, int width = 32) {
    unsigned lane = emu_lane(), source = lane ^ (unsigned)lanes, end = (lane & ~(unsigned)(width - 1)) + width;
    return emu_shuffle(mask, value, source < end ? source : lane);
}
static inline unsigned __ballot_sync(unsigned mask, int vote) { return (unsigned)emu_state.warp(EMU_WARP_BALLOT, mask, vote != 0, 0); }
static inline int __any_sync(unsigned mask, int vote) { return __ballot_sync(mask, vote) != 0; }
static inline int __all_sync(unsigned mask, int vote) { return __ballot_sync(mask, !vote) == 0; }

// ---- atomic operations (nothing else runs meanwhile) ----------------------------------------------------------------------------

template <typename T> struct emu_same { typedef T type; };
template <typename T> using emu_same_t = typename emu_same<T>::type;
template <typename T> static inline T atomicAdd(T *at, emu_same_t<T> value) { T old = *at; *at = old + value; return old; }
template <typename T> static inline T atomicSub(T *at, emu_same_t<T> value) { T old = *at; *at = old - value; return old; }
template <typename T> static inline T atomicMax(T *at, emu_same_t<T> value) { T old = *at; if (value > old) *at = value; return old; }
template <typename T> static inline T atomicMin(T *at, emu_same_t<T> value) { T old = *at; if (value < old) *at = value; return old; }
template <typename T> static inline T atomicExch(T *at, emu_same_t<T> value) { T old = *at; *at = value; return old; }
template <typename T> static inline T atomicAnd(T *at, emu_same_t<T> value) { T old = *at; *at = old & value; return old; }
template <typename T> static inline T atomicOr(T *at, emu_same_t<T> value) { T old = *at; *at = old | value; return old; }
template <typename T> static inline T atomicXor(T *at, emu_same_t<T> value) { T old = *at; *at = old ^ value; return old; }
template <typename T> static inline T atomicCAS(T *at, emu_same_t<T> expected, emu_same_t<T> value) {
    T old = *at;
    if (old == expected) *at = value;
    return old;
}

// ---- arithmetic -----------------------------------------------------------------------------------------------------------------

template <typename A, typename B> using emu_common = std::enable_if_t<std::is_arithmetic_v<A> && std::is_arithmetic_v<B>, std::common_type_t<A, B>>;
template <typename A, typename B> static constexpr emu_common<A, B> min(A a, B b) {
    typedef emu_common<A, B> C;
    if constexpr (std::is_floating_point_v<C>) return std::fmin((C)a, (C)b);
    else return (C)b < (C)a ? (C)b : (C)a;
}
template <typename A, typename B> static constexpr emu_common<A, B> max(A a, B b) {
    typedef emu_common<A, B> C;
    if constexpr (std::is_floating_point_v<C>) return std::fmax((C)a, (C)b);
    else return (C)a < (C)b ? (C)b : (C)a;
}

template <typename To, typename From> static inline To emu_bits(From from) {
    static_assert(sizeof(To) == sizeof(From), "bits keep their number");
    To to;
    memcpy(&to, &from, sizeof(To));
    return to;
}
static inline int __float_as_int(float v) { return emu_bits<int>(v); }
static inline unsigned __float_as_uint(float v) { return emu_bits<unsigned>(v); }
static inline float __int_as_float(int v) { return emu_bits<float>(v); }
static inline float __uint_as_float(unsigned v) { return emu_bits<float>(v); }
static inline long long __double_as_longlong(double v) { return emu_bits<long long>(v); }
static inline double __longlong_as_double(long long v) { return emu_bits<double>(v); }

template <typename T> static inline T __ldg(const T *at) { return *at; }
template <typename T> static inline T __ldcs(const T *at) { return *at; }
template <typename T> static inline void __stcs(T *at, T value) { *at = value; }

static inline float rsqrtf(float v) { return (float)(1.0 / std::sqrt((double)v)); }
static inline double rsqrt(double v) { return 1.0 / std::sqrt(v); }
static inline float normcdff(float v) { return (float)(0.5 * std::erfc(-(double)v * M_SQRT1_2)); }
static inline double normcdf(double v) { return 0.5 * std::erfc(-v * M_SQRT1_2); }
static inline float __saturatef(float v) { return v > 0 ? (v < 1 ? v : 1) : 0; }
// Macros, since the C library declares the same names for itself.
#define __expf expf
#define __logf logf
#define __log2f log2f
#define __powf powf
#define __sinf sinf
#define __cosf cosf
#define __tanf tanf
static inline float __fdividef(float a, float b) { return a / b; }
static inline float __fadd_rn(float a, float b) { return a + b; }
static inline float __fsub_rn(float a, float b) { return a - b; }
static inline float __fmul_rn(float a, float b) { return a * b; }
static inline float __fdiv_rn(float a, float b) { return a / b; }
static inline float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }
static inline float __frcp_rn(float v) { return 1.0f / v; }
static inline float __fsqrt_rn(float v) { return sqrtf(v); }
static inline double __dadd_rn(double a, double b) { return a + b; }
static inline double __dmul_rn(double a, double b) { return a * b; }
static inline int __float2int_rn(float v) { return (int)rintf(v); }
static inline int __float2int_rz(float v) { return (int)v; }
static inline int __float2int_rd(float v) { return (int)floorf(v); }
static inline float __int2float_rn(int v) { return (float)v; }
static inline int __popc(unsigned v) { return __builtin_popcount(v); }
static inline int __clz(int v) { return v ? __builtin_clz((unsigned)v) : 32; }
static inline int __ffs(int v) { return __builtin_ffs(v); }
static inline unsigned __umulhi(unsigned a, unsigned b) { return (unsigned)(((uint64_t)a * b) >> 32); }
