// The operators and intrinsics that __half and __nv_bfloat16 share. Each operation is done in float and rounded once, which for
// + - * / and the square root gives the correctly rounded result in the narrow format.
#pragma once
#include "convert.h"

#define EMU_NARROW_TYPE(T, RAW, T2, FROM_FLOAT, FROM_DOUBLE, TO_FLOAT)                                                             \
    struct RAW { unsigned short x; };                                                                                              \
    struct T {                                                                                                                     \
        unsigned short bits;                                                                                                       \
        T() = default;                                                                                                             \
        T(RAW raw) : bits(raw.x) {}                                                                                                \
        T(float v) : bits(FROM_FLOAT(v)) {}                                                                                        \
        T(double v) : bits(FROM_DOUBLE(v)) {}                                                                                      \
        template <typename I, std::enable_if_t<std::is_integral_v<I>, int> = 0> T(I v) : bits(FROM_DOUBLE((double)v)) {}           \
        operator float() const { return TO_FLOAT(bits); }                                                                          \
        operator RAW() const { return {bits}; }                                                                                    \
    };                                                                                                                             \
    struct __align__(4) T2 { T x, y; };                                                                                            \
    static inline T operator+(T a, T b) { return T((float)a + (float)b); }                                                         \
    static inline T operator-(T a, T b) { return T((float)a - (float)b); }                                                         \
    static inline T operator*(T a, T b) { return T((float)a * (float)b); }                                                         \
    static inline T operator/(T a, T b) { return T((float)a / (float)b); }                                                         \
    static inline T operator-(T a) { return RAW{(unsigned short)(a.bits ^ 0x8000)}; }                                              \
    static inline T operator+(T a) { return a; }                                                                                   \
    static inline T &operator+=(T &a, const T &b) { return a = a + b; }                                                            \
    static inline T &operator-=(T &a, const T &b) { return a = a - b; }                                                            \
    static inline T &operator*=(T &a, const T &b) { return a = a * b; }                                                            \
    static inline T &operator/=(T &a, const T &b) { return a = a / b; }                                                            \
    static inline bool operator==(T a, T b) { return (float)a == (float)b; }                                                       \
    static inline bool operator!=(T a, T b) { return (float)a != (float)b; }                                                       \
    static inline bool operator<(T a, T b) { return (float)a < (float)b; }                                                         \
    static inline bool operator>(T a, T b) { return (float)a > (float)b; }                                                         \
    static inline bool operator<=(T a, T b) { return (float)a <= (float)b; }                                                       \
    static inline bool operator>=(T a, T b) { return (float)a >= (float)b; }                                                       \
    static inline T __hadd(T a, T b) { return a + b; }                                                                             \
    static inline T __hsub(T a, T b) { return a - b; }                                                                             \
    static inline T __hmul(T a, T b) { return a * b; }                                                                             \
    static inline T __hdiv(T a, T b) { return a / b; }                                                                             \
    static inline T __hneg(T a) { return -a; }                                                                                     \
    static inline T __habs(T a) { return RAW{(unsigned short)(a.bits & 0x7fff)}; }                                                 \
    static inline T __hfma(T a, T b, T c) { return T((double)(float)a * (double)(float)b + (double)(float)c); }                    \
    static inline bool __hisnan(T a) { return std::isnan((float)a); }                                                              \
    static inline int __hisinf(T a) { return std::isinf((float)a) ? ((float)a < 0 ? -1 : 1) : 0; }                                 \
    static inline T __hmax(T a, T b) { return __hisnan(a) ? b : __hisnan(b) ? a : a < b ? b : a; }                                 \
    static inline T __hmin(T a, T b) { return __hisnan(a) ? b : __hisnan(b) ? a : b < a ? b : a; }                                 \
    static inline T __hmax_nan(T a, T b) { return __hisnan(a) || __hisnan(b) ? T(NAN) : __hmax(a, b); }                            \
    static inline T __hmin_nan(T a, T b) { return __hisnan(a) || __hisnan(b) ? T(NAN) : __hmin(a, b); }                            \
    static inline bool __heq(T a, T b) { return a == b; }                                                                          \
    static inline bool __hne(T a, T b) { return a != b; }                                                                          \
    static inline bool __hlt(T a, T b) { return a < b; }                                                                           \
    static inline bool __hle(T a, T b) { return a <= b; }                                                                          \
    static inline bool __hgt(T a, T b) { return a > b; }                                                                           \
    static inline bool __hge(T a, T b) { return a >= b; }                                                                          \
    static inline T hsqrt(T a) { return T(sqrtf(a)); }                                                                             \
    static inline T hrsqrt(T a) { return T(rsqrtf(a)); }                                                                           \
    static inline T hrcp(T a) { return T(1.0f / (float)a); }                                                                       \
    static inline T hexp(T a) { return T(expf(a)); }                                                                               \
    static inline T hexp2(T a) { return T(exp2f(a)); }                                                                             \
    static inline T hlog(T a) { return T(logf(a)); }                                                                               \
    static inline T hlog2(T a) { return T(log2f(a)); }                                                                             \
    static inline T hlog10(T a) { return T(log10f(a)); }                                                                           \
    static inline T hsin(T a) { return T(sinf(a)); }                                                                               \
    static inline T hcos(T a) { return T(cosf(a)); }                                                                               \
    static inline T htanh(T a) { return T(tanhf(a)); }                                                                             \
    static inline T hceil(T a) { return T(ceilf(a)); }                                                                             \
    static inline T hfloor(T a) { return T(floorf(a)); }                                                                           \
    static inline T hrint(T a) { return T(rintf(a)); }                                                                             \
    static inline T htrunc(T a) { return T(truncf(a)); }                                                                           \
    static inline T2 __hadd2(T2 a, T2 b) { return {a.x + b.x, a.y + b.y}; }                                                        \
    static inline T2 __hsub2(T2 a, T2 b) { return {a.x - b.x, a.y - b.y}; }                                                        \
    static inline T2 __hmul2(T2 a, T2 b) { return {a.x * b.x, a.y * b.y}; }                                                        \
    static inline T2 __h2div(T2 a, T2 b) { return {a.x / b.x, a.y / b.y}; }                                                        \
    static inline T2 __hneg2(T2 a) { return {-a.x, -a.y}; }                                                                        \
    static inline T2 __hfma2(T2 a, T2 b, T2 c) { return {__hfma(a.x, b.x, c.x), __hfma(a.y, b.y, c.y)}; }                          \
    static inline T2 __hmax2(T2 a, T2 b) { return {__hmax(a.x, b.x), __hmax(a.y, b.y)}; }                                          \
    static inline T2 __hmin2(T2 a, T2 b) { return {__hmin(a.x, b.x), __hmin(a.y, b.y)}; }
