// Conversions of the narrow floating-point formats, rounding to nearest even; also used by the core's matrix products.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>

// A double as a float that is marked odd where bits were lost: rounding it once more gives the same as rounding the double.
static inline float emu_odd_float(double v) {
    float f = (float)v;
    if (std::isnan(v) || (double)f == v) return f;
    uint32_t bits;
    memcpy(&bits, &f, 4);
    if (std::fabs((double)f) > std::fabs(v)) bits--; // towards zero
    bits |= 1;
    memcpy(&f, &bits, 4);
    return f;
}

static inline uint16_t emu_to_bf16(float v) {
    uint32_t bits;
    memcpy(&bits, &v, 4);
    if (std::isnan(v)) return 0x7fff;
    bits += 0x7fff + (bits >> 16 & 1);
    return (uint16_t)(bits >> 16);
}
static inline float emu_from_bf16(uint16_t v) {
    uint32_t bits = (uint32_t)v << 16;
    float f;
    memcpy(&f, &bits, 4);
    return f;
}

// Rounds a finite |v| to `mantissa` bits after the leading one, with `least` the exponent of the smallest normal number.
static inline double emu_round(double v, int mantissa, int least) {
    if (v == 0) return 0;
    int exponent;
    std::frexp(v, &exponent);
    exponent = exponent - 1 < least ? least : exponent - 1;
    double unit = std::ldexp(1.0, exponent - mantissa);
    return std::nearbyint(v / unit) * unit; // a power of two divides exactly; halves go to even
}

static inline uint16_t emu_to_half(double v) {
    uint16_t sign = std::signbit(v) ? 0x8000 : 0;
    if (std::isnan(v)) return 0x7fff;
    double r = std::isinf(v) ? INFINITY : emu_round(std::fabs(v), 10, -14);
    if (r > 65504) return sign | 0x7c00;
    if (r < std::ldexp(1.0, -14)) return sign | (uint16_t)std::ldexp(r, 24);
    int exponent;
    double fraction = std::frexp(r, &exponent); // in [0.5, 1)
    return sign | (uint16_t)((exponent - 1 + 15) << 10) | (uint16_t)(std::ldexp(fraction, 11) - 1024);
}
static inline float emu_from_half(uint16_t v) {
    int exponent = v >> 10 & 31, fraction = v & 1023;
    float f = exponent == 31  ? (fraction ? NAN : INFINITY)
              : exponent == 0 ? std::ldexp((float)fraction, -24)
                              : std::ldexp((float)(fraction + 1024), exponent - 25);
    return v & 0x8000 ? -f : f;
}

// Four exponent and three mantissa bits, no infinity: too large a number becomes the largest, 448.
static inline uint8_t emu_to_e4m3(double v) {
    uint8_t sign = std::signbit(v) ? 0x80 : 0;
    if (std::isnan(v)) return 0x7f;
    double r = std::isinf(v) ? 448 : emu_round(std::fabs(v), 3, -6);
    if (r > 448) r = 448;
    if (r < std::ldexp(1.0, -6)) return sign | (uint8_t)std::ldexp(r, 9);
    int exponent;
    double fraction = std::frexp(r, &exponent);
    return sign | (uint8_t)((exponent - 1 + 7) << 3) | (uint8_t)(std::ldexp(fraction, 4) - 8);
}
static inline float emu_from_e4m3(uint8_t v) {
    int exponent = v >> 3 & 15, fraction = v & 7;
    float f = (v & 0x7f) == 0x7f ? NAN : exponent == 0 ? std::ldexp((float)fraction, -9) : std::ldexp((float)(fraction + 8), exponent - 10);
    return v & 0x80 ? -f : f;
}
