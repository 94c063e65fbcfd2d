// Kernels for test.cpp: what the launcher has to get right.
#include <cuda_bf16.h>

extern "C" __global__ void test_scale(float *values, float factor, unsigned count) {
    for (unsigned i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += blockDim.x * gridDim.x) values[i] *= factor;
}

// One sum per block, through shared memory.
template <typename T> __device__ void block_sum(const T *in, T *out, unsigned count) {
    __shared__ T part[256];
    T sum = 0;
    for (unsigned i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += blockDim.x * gridDim.x) sum += in[i];
    part[threadIdx.x] = sum;
    __syncthreads();
    for (unsigned half = blockDim.x / 2; half; half /= 2) {
        if (threadIdx.x < half) part[threadIdx.x] += part[threadIdx.x + half];
        __syncthreads();
    }
    if (threadIdx.x == 0) out[blockIdx.x] = part[0];
}
extern "C" __global__ void test_sum_f32(const float *in, float *out, unsigned count) { block_sum(in, out, count); }
extern "C" __global__ void test_sum_f64(const double *in, double *out, unsigned count) { block_sum(in, out, count); }

// More parameters than registers hold, of mixed kinds.
extern "C" __global__ void test_many(double *out, int a, float b, const double *c, unsigned char d, double e, long long f, float g, short h, double i,
                                     const float *j, unsigned k, float l, double m, float n, double o, float p, int q, float r, bool s, __nv_bfloat16 t) {
    out[threadIdx.x] = a + b + c[0] + d + e + f + g + h + i + j[0] + k + l + m + n + o + p + q + r + s + __bfloat162float(t) + threadIdx.x;
}

extern "C" __global__ void test_bf16(const float *in, __nv_bfloat16 *out, __nv_bfloat16 addend, unsigned count) {
    unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < count) out[i] = __float2bfloat16(__bfloat162float(__float2bfloat16(in[i])) + __bfloat162float(addend));
}

// Where each thread is, in three dimensions.
extern "C" __global__ void test_place(unsigned *out) {
    unsigned block = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
    unsigned thread = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
    out[block * blockDim.x * blockDim.y * blockDim.z + thread] += block * 1000 + thread;
}

// Warp operations; out[i] = the warp's sum, the value of the next lane, and how many lanes hold an odd value.
extern "C" __global__ void test_warp(const int *in, int *out) {
    int value = in[threadIdx.x], sum = value;
    for (int lanes = 16; lanes; lanes /= 2) sum += __shfl_xor_sync(0xffffffff, sum, lanes);
    int next = __shfl_down_sync(0xffffffff, value, 1);
    int odd = __popc(__ballot_sync(0xffffffff, value & 1));
    int *mine = out + threadIdx.x * 3;
    mine[0] = sum;
    mine[1] = next;
    mine[2] = odd;
}

extern "C" __global__ void test_reverse(float *values) {
    extern __shared__ float copy[];
    copy[threadIdx.x] = values[threadIdx.x];
    __syncthreads();
    values[threadIdx.x] = copy[blockDim.x - 1 - threadIdx.x];
}

// Faults that the emulator has to show: a missing barrier, shared memory that is not set or too small, misalignment, an overrun.
extern "C" __global__ void test_race(float *values) {
    __shared__ float copy[256];
    copy[threadIdx.x] = values[threadIdx.x];
    float other = copy[blockDim.x - 1 - threadIdx.x];
    __syncthreads();
    values[threadIdx.x] = other;
}
extern "C" __global__ void test_unset_shared(float *out) {
    __shared__ float values[32];
    if (blockIdx.x == 0) values[threadIdx.x] = out[threadIdx.x];
    __syncthreads();
    out[blockIdx.x * 32 + threadIdx.x] = values[31 - threadIdx.x];
}
extern "C" __global__ void test_shared_index(float *out) {
    __shared__ float values[32];
    values[threadIdx.x] = 1;
    __syncthreads();
    out[threadIdx.x] = values[31 - threadIdx.x % 32];
}
extern "C" __global__ void test_misaligned(float *values) { *(float4 *)(values + 1) = make_float4(1, 2, 3, 4); }
extern "C" __global__ void test_overrun(float *values, unsigned count) { values[count] = 1; }
