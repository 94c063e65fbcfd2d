// Stands in for NVIDIA's header of this name, as far as candle's kernels use it: the format e4m3.
#pragma once
#include "cuda_fp16.h"

typedef unsigned char __nv_fp8_storage_t;
enum __nv_fp8_interpretation_t { __NV_E4M3 };

struct __nv_fp8_e4m3 {
    __nv_fp8_storage_t __x;
    __nv_fp8_e4m3() = default;
    template <typename T, std::enable_if_t<std::is_convertible_v<T, float>, int> = 0>
    explicit __nv_fp8_e4m3(T v) : __x(emu_to_e4m3((double)(float)v)) {}
    explicit __nv_fp8_e4m3(double v) : __x(emu_to_e4m3(v)) {}
    explicit operator float() const { return emu_from_e4m3(__x); }
};

static inline __half_raw __nv_cvt_fp8_to_halfraw(__nv_fp8_storage_t v, __nv_fp8_interpretation_t) {
    return __half_raw{emu_to_half(emu_from_e4m3(v))};
}
