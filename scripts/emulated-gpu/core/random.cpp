// cuRAND: a counter-based generator, so that a seed and an offset name the numbers. Not NVIDIA's numbers, only their distributions.
#include <cmath>

#include <curand.h>

#include "emu.h"

using namespace emu;

namespace {

struct Generator {
    uint64_t seed = 0, next = 0;

    // The finalizer of SplitMix64: every bit of the counter reaches every bit of the result.
    static uint64_t mix(uint64_t v) {
        v = (v ^ v >> 30) * 0xbf58476d1ce4e5b9ull;
        v = (v ^ v >> 27) * 0x94d049bb133111ebull;
        return v ^ v >> 31;
    }
    uint64_t bits() { return mix(mix(seed) + 0x9e3779b97f4a7c15ull * ++next); }
    // cuRAND's interval: zero excluded, one included.
    double uniform() { return ((double)(bits() >> 11) + 1) * 0x1p-53; }
    float uniform_float() { return ((float)(bits() >> 40) + 1) * 0x1p-24f; }
};

template <typename F> curandStatus_t fill(size_t count, size_t size, const void *at, F f) {
    Lock lock(device);
    check_range(at, count * size, "cuRAND");
    for (size_t i = 0; i < count; i++) f(i);
    return CURAND_STATUS_SUCCESS;
}

template <typename T> curandStatus_t normal(Generator *g, T *out, size_t count, double mean, double deviation) {
    // The pseudo-random generators make pairs.
    if (count % 2) return CURAND_STATUS_LENGTH_NOT_MULTIPLE;
    double sine = 0;
    return fill(count, sizeof(T), out, [&](size_t i) {
        if (i % 2 == 0) {
            double radius = std::sqrt(-2 * std::log(g->uniform())), angle = 2 * M_PI * g->uniform();
            out[i] = (T)(mean + deviation * radius * std::cos(angle));
            sine = radius * std::sin(angle);
        } else {
            out[i] = (T)(mean + deviation * sine);
        }
    });
}

} // namespace

extern "C" {

curandStatus_t curandCreateGenerator(curandGenerator_t *generator, curandRngType_t) {
    *generator = (curandGenerator_t) new Generator;
    return CURAND_STATUS_SUCCESS;
}
curandStatus_t curandDestroyGenerator(curandGenerator_t generator) {
    delete (Generator *)generator;
    return CURAND_STATUS_SUCCESS;
}
curandStatus_t curandSetStream(curandGenerator_t, cudaStream_t) { return CURAND_STATUS_SUCCESS; }
curandStatus_t curandSetPseudoRandomGeneratorSeed(curandGenerator_t generator, unsigned long long seed) {
    *(Generator *)generator = Generator{seed, 0};
    return CURAND_STATUS_SUCCESS;
}
curandStatus_t curandSetGeneratorOffset(curandGenerator_t generator, unsigned long long offset) {
    ((Generator *)generator)->next = offset;
    return CURAND_STATUS_SUCCESS;
}
curandStatus_t curandGenerate(curandGenerator_t generator, unsigned *out, size_t count) {
    return fill(count, sizeof *out, out, [&](size_t i) { out[i] = (unsigned)(((Generator *)generator)->bits() >> 32); });
}
curandStatus_t curandGenerateUniform(curandGenerator_t generator, float *out, size_t count) {
    return fill(count, sizeof *out, out, [&](size_t i) { out[i] = ((Generator *)generator)->uniform_float(); });
}
curandStatus_t curandGenerateUniformDouble(curandGenerator_t generator, double *out, size_t count) {
    return fill(count, sizeof *out, out, [&](size_t i) { out[i] = ((Generator *)generator)->uniform(); });
}
curandStatus_t curandGenerateNormal(curandGenerator_t generator, float *out, size_t count, float mean, float deviation) {
    return normal((Generator *)generator, out, count, mean, deviation);
}
curandStatus_t curandGenerateNormalDouble(curandGenerator_t generator, double *out, size_t count, double mean, double deviation) {
    return normal((Generator *)generator, out, count, mean, deviation);
}

} // extern "C"
