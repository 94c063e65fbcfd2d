// Operations of convolutional networks and their gradients on (N, C, H, W), contiguous. What multiplies matrices is cuBLAS';
// here is what surrounds it. Every sum is taken in an order that follows from the shapes and the launch alone: no atomics,
// so a run gives the same bits each time.
//
// T is what tensors hold: float, double or bfloat16. Wide<T> is what is computed with: float, or double for double.

#include <cuda_bf16.h>

typedef unsigned int u32;
typedef unsigned long long u64;

// Threads of a block that sums; a power of two.
#define SUMMING 256

template <typename T> struct WideOf { typedef T type; };
template <> struct WideOf<__nv_bfloat16> { typedef float type; };
template <typename T> using Wide = typename WideOf<T>::type;

__device__ inline float load(const float *p, u64 at) { return p[at]; }
__device__ inline double load(const double *p, u64 at) { return p[at]; }
__device__ inline float load(const __nv_bfloat16 *p, u64 at) { return __bfloat162float(p[at]); }
__device__ inline void store(float *p, u64 at, float value) { p[at] = value; }
__device__ inline void store(double *p, u64 at, double value) { p[at] = value; }
__device__ inline void store(__nv_bfloat16 *p, u64 at, float value) { p[at] = __float2bfloat16(value); }

__device__ inline float sigmoid(float x) { return 1.0f / (1.0f + expf(-x)); }
__device__ inline double sigmoid(double x) { return 1.0 / (1.0 + exp(-x)); }

__device__ inline u64 thread_of_grid() { return (u64)blockIdx.x * blockDim.x + threadIdx.x; }
__device__ inline u64 threads_of_grid() { return (u64)gridDim.x * blockDim.x; }

// `at` modulo `by`, leaving the quotient in `at`. Division in 64 bits is a subroutine on a GPU; few tensors need it.
__device__ inline u32 split(u64 &at, u32 by) {
    if (at >> 32) {
        u32 rest = at % by;
        at /= by;
        return rest;
    }
    u32 small = at, quotient = small / by;
    at = quotient;
    return small - quotient * by;
}

// Where the number `at` of a channel of (N, C, plane) lies.
__device__ inline u64 of_channel(u64 at, u32 channel, u32 channels, u32 plane) {
    u32 pixel = split(at, plane);
    return (at * channels + channel) * plane + pixel;
}

enum Activation { IDENTITY, SILU, RELU, RELU6, SIGMOID };

// Comparisons with NaN are false, so that it stays.
template <typename A> __device__ A activation(A x, u32 kind) {
    switch (kind) {
    case SILU: return x * sigmoid(x);
    case RELU: return x < A(0) ? A(0) : x;
    case RELU6: return x < A(0) ? A(0) : x > A(6) ? A(6) : x;
    case SIGMOID: return sigmoid(x);
    default: return x;
    }
}

// The gradient of the activation's input, given that of its output.
template <typename A> __device__ A activation_gradient(A x, A gradient, u32 kind) {
    switch (kind) {
    case SILU: {
        A s = sigmoid(x);
        return gradient * s * (A(1) + x * (A(1) - s));
    }
    case RELU: return x > A(0) ? gradient : A(0);
    case RELU6: return x > A(0) && x < A(6) ? gradient : A(0);
    case SIGMOID: {
        A s = sigmoid(x);
        return gradient * s * (A(1) - s);
    }
    default: return gradient;
    }
}

// The sum over the block, for its first thread.
template <typename A> __device__ A block_sum(A value) {
    __shared__ A parts[SUMMING];
    parts[threadIdx.x] = value;
    __syncthreads();
    for (u32 half = SUMMING / 2; half > 0; half /= 2) {
        if (threadIdx.x < half) parts[threadIdx.x] += parts[threadIdx.x + half];
        __syncthreads();
    }
    A sum = parts[0];
    // Before the next sum writes.
    __syncthreads();
    return sum;
}

// The sum over LANES neighbouring threads, for the first of them.
#define LANES 32
template <typename A> __device__ A lanes_sum(A value) {
    __shared__ A parts[SUMMING];
    u32 lane = threadIdx.x % LANES;
    parts[threadIdx.x] = value;
    __syncthreads();
    for (u32 half = LANES / 2; half > 0; half /= 2) {
        if (lane < half) parts[threadIdx.x] += parts[threadIdx.x + half];
        __syncthreads();
    }
    return parts[threadIdx.x - lane];
}

// A window that moves over images.
struct Window {
    u32 channels, height, width, k, l, rows, columns, stride, top, left;

    // each(u, v, row, column) for the pixels under the window at (i, j), row by row. Before the image is beyond it: these are
    // unsigned.
    template <typename F> __device__ void pixels_under(u32 i, u32 j, F each) const {
        for (u32 u = 0; u < k; u++) {
            u32 row = i * stride + u - top;
            if (row >= height) continue;
            for (u32 v = 0; v < l; v++) {
                u32 column = j * stride + v - left;
                if (column < width) each(u, v, row, column);
            }
        }
    }

    // each(u, v, i, j) for the windows over the pixel at (row, column), and where under them it lies.
    template <typename F> __device__ void windows_over(u32 row, u32 column, F each) const {
        for (u32 u = 0; u < k && u <= row + top; u++) {
            u32 y = row + top - u;
            if (y % stride || y / stride >= rows) continue;
            for (u32 v = 0; v < l && v <= column + left; v++) {
                u32 x = column + left - v;
                if (x % stride == 0 && x / stride < columns) each(u, v, y / stride, x / stride);
            }
        }
    }
};

// (N, C, H, W) to (N, C * K * L, rows * columns): what each tap of a filter meets.
template <typename T> __device__ void im2col(const T *x, T *columns, u64 count, Window g) {
    for (u64 at = thread_of_grid(); at < count; at += threads_of_grid()) {
        u64 rest = at;
        u32 j = split(rest, g.columns), i = split(rest, g.rows), v = split(rest, g.l), u = split(rest, g.k);
        u32 row = i * g.stride + u - g.top, column = j * g.stride + v - g.left;
        bool inside = row < g.height && column < g.width;
        store(columns, at, inside ? load(x, (rest * g.height + row) * g.width + column) : Wide<T>(0));
    }
}

// The gradient of im2col: every pixel gathers from the taps that met it.
template <typename T> __device__ void col2im(const T *columns, T *x, u64 count, Window g) {
    for (u64 at = thread_of_grid(); at < count; at += threads_of_grid()) {
        u64 plane = at;
        u32 column = split(plane, g.width), row = split(plane, g.height);
        Wide<T> sum = 0;
        g.windows_over(row, column, [&](u32 u, u32 v, u32 i, u32 j) {
            u64 tap = (plane * g.k + u) * g.l + v;
            sum += load(columns, (tap * g.rows + i) * g.columns + j);
        });
        store(x, at, sum);
    }
}

// A filter per channel.
template <typename T> __device__ void depthwise(const T *x, const T *w, T *y, u64 count, Window g) {
    for (u64 at = thread_of_grid(); at < count; at += threads_of_grid()) {
        u64 plane = at;
        u32 j = split(plane, g.columns), i = split(plane, g.rows);
        u64 image = plane;
        u32 channel = split(image, g.channels);
        Wide<T> sum = 0;
        g.pixels_under(i, j, [&](u32 u, u32 v, u32 row, u32 column) {
            sum += load(x, (plane * g.height + row) * g.width + column) * load(w, ((u64)channel * g.k + u) * g.l + v);
        });
        store(y, at, sum);
    }
}

template <typename T> __device__ void depthwise_input(const T *gradient, const T *w, T *dx, u64 count, Window g) {
    for (u64 at = thread_of_grid(); at < count; at += threads_of_grid()) {
        u64 plane = at;
        u32 column = split(plane, g.width), row = split(plane, g.height);
        u64 image = plane;
        u32 channel = split(image, g.channels);
        Wide<T> sum = 0;
        g.windows_over(row, column, [&](u32 u, u32 v, u32 i, u32 j) {
            sum += load(gradient, (plane * g.rows + i) * g.columns + j) * load(w, ((u64)channel * g.k + u) * g.l + v);
        });
        store(dx, at, sum);
    }
}

// LANES threads for each (tap of a channel, slice): deep layers have many taps and few pixels. `parts` is (C * K * L, slices),
// summed outside. `pixels` is N * rows * columns.
template <typename T>
__device__ void depthwise_weight(const T *x, const T *gradient, Wide<T> *parts, u32 slices, u64 pixels, Window g) {
    u64 part = (u64)blockIdx.x * (SUMMING / LANES) + threadIdx.x / LANES;
    u64 tap = part;
    u32 slice = split(tap, slices), v = split(tap, g.l), u = split(tap, g.k);
    u64 channel = tap;
    bool wanted = channel < g.channels;
    u64 first = pixels * slice / slices, end = wanted ? pixels * (slice + 1) / slices : 0;
    Wide<T> sum = 0;
    for (u64 at = first + threadIdx.x % LANES; at < end; at += LANES) {
        u64 image = at;
        u32 j = split(image, g.columns), i = split(image, g.rows);
        u64 plane = image * g.channels + channel;
        u32 row = i * g.stride + u - g.top, column = j * g.stride + v - g.left;
        if (row < g.height && column < g.width)
            sum += load(x, (plane * g.height + row) * g.width + column) *
                   load(gradient, (plane * g.rows + i) * g.columns + j);
    }
    sum = lanes_sum(sum);
    if (wanted && threadIdx.x % LANES == 0) parts[part] = sum;
}

// Block (channel, slice): mean and sum of squared distances from it, (C, slices, 2). `count` is N * plane.
template <typename T>
__device__ void moments(const T *x, Wide<T> *parts, u32 slices, u32 channels, u32 plane, u64 count) {
    __shared__ Wide<T> mean;
    u32 slice = blockIdx.x % slices, channel = blockIdx.x / slices;
    u64 first = count * slice / slices, end = count * (slice + 1) / slices;
    Wide<T> sum = 0;
    for (u64 at = first + threadIdx.x; at < end; at += SUMMING)
        sum += load(x, of_channel(at, channel, channels, plane));
    sum = block_sum(sum);
    if (threadIdx.x == 0) mean = sum / Wide<T>(end - first);
    __syncthreads();
    Wide<T> centre = mean, squares = 0;
    for (u64 at = first + threadIdx.x; at < end; at += SUMMING) {
        Wide<T> distance = load(x, of_channel(at, channel, channels, plane)) - centre;
        squares += distance * distance;
    }
    squares = block_sum(squares);
    if (threadIdx.x == 0) {
        parts[2 * (u64)blockIdx.x] = centre;
        parts[2 * (u64)blockIdx.x + 1] = squares;
    }
}

// Slices put together (Chan et al. 1979): (2, C), means and biased variances. A thread per channel.
template <typename A> __device__ void moments_together(const A *parts, A *moments, u32 slices, u32 channels, u64 count) {
    for (u64 channel = thread_of_grid(); channel < channels; channel += threads_of_grid()) {
        A seen = 0, mean = 0, squares = 0;
        for (u32 slice = 0; slice < slices; slice++) {
            A size = A(count * (slice + 1) / slices - count * slice / slices);
            const A *part = parts + 2 * (channel * slices + slice);
            A delta = part[0] - mean, total = seen + size;
            squares += part[1] + delta * delta * seen * size / total;
            mean += delta * size / total;
            seen = total;
        }
        moments[channel] = mean;
        moments[channels + channel] = squares / seen;
    }
}

// y = activation(x * scale + shift); `affine` is (2, C): scales, shifts.
template <typename T>
__device__ void normalise(const T *x, const Wide<T> *affine, T *y, u64 count, u32 channels, u32 plane, u32 kind) {
    for (u64 at = thread_of_grid(); at < count; at += threads_of_grid()) {
        u64 planes = at;
        split(planes, plane);
        u32 channel = split(planes, channels);
        store(y, at, activation(load(x, at) * affine[channel] + affine[channels + channel], kind));
    }
}

// Block (channel, slice): sums of d and of (x - centre) * d, with d the gradient before the activation, (2, C, slices).
// `affine` is (3, C): scales, shifts, centres.
template <typename T>
__device__ void normalise_sums(const T *x, const T *gradient, const Wide<T> *affine, Wide<T> *parts, u32 slices,
                               u32 channels, u32 plane, u64 count, u32 kind) {
    u32 slice = blockIdx.x % slices, channel = blockIdx.x / slices;
    u64 first = count * slice / slices, end = count * (slice + 1) / slices;
    Wide<T> scale = affine[channel], shift = affine[channels + channel], centre = affine[2 * channels + channel];
    Wide<T> sum = 0, product = 0;
    for (u64 at = first + threadIdx.x; at < end; at += SUMMING) {
        u64 place = of_channel(at, channel, channels, plane);
        Wide<T> value = load(x, place);
        Wide<T> d = activation_gradient(value * scale + shift, load(gradient, place), kind);
        sum += d;
        product += (value - centre) * d;
    }
    sum = block_sum(sum);
    product = block_sum(product);
    if (threadIdx.x == 0) {
        parts[blockIdx.x] = sum;
        parts[(u64)channels * slices + blockIdx.x] = product;
    }
}

// dx = d * by_d + x * by_x + constant; `affine` is (5, C): scales, shifts, by_d, by_x, constants.
template <typename T>
__device__ void normalise_input(const T *x, const T *gradient, const Wide<T> *affine, T *dx, u64 count, u32 channels,
                                u32 plane, u32 kind) {
    for (u64 at = thread_of_grid(); at < count; at += threads_of_grid()) {
        u64 planes = at;
        split(planes, plane);
        const Wide<T> *of = affine + split(planes, channels);
        Wide<T> value = load(x, at);
        Wide<T> d = activation_gradient(value * of[0] + of[channels], load(gradient, at), kind);
        store(dx, at, d * of[2 * channels] + value * of[3 * channels] + of[4 * channels]);
    }
}

template <typename T> __device__ void activate(const T *x, T *y, u64 count, u32 kind) {
    for (u64 at = thread_of_grid(); at < count; at += threads_of_grid()) store(y, at, activation(load(x, at), kind));
}

template <typename T> __device__ void activate_input(const T *x, const T *gradient, T *dx, u64 count, u32 kind) {
    for (u64 at = thread_of_grid(); at < count; at += threads_of_grid())
        store(dx, at, activation_gradient(load(x, at), load(gradient, at), kind));
}

// Where the largest value under a window lies in its plane: the first of several, row by row; NaN wins.
template <typename T> __device__ u32 largest(const T *plane, u32 i, u32 j, Window g) {
    u32 best = 0xffffffff;
    Wide<T> most = 0;
    g.pixels_under(i, j, [&](u32, u32, u32 row, u32 column) {
        Wide<T> value = load(plane, (u64)row * g.width + column);
        if (best == 0xffffffff || value > most || (value != value && most == most)) {
            best = row * g.width + column;
            most = value;
        }
    });
    return best;
}

template <typename T> __device__ void max_pool(const T *x, T *y, u64 count, Window g) {
    for (u64 at = thread_of_grid(); at < count; at += threads_of_grid()) {
        u64 image = at;
        u32 j = split(image, g.columns), i = split(image, g.rows);
        const T *plane = x + image * g.height * g.width;
        y[at] = plane[largest(plane, i, j, g)];
    }
}

// Every pixel asks the windows over it whether it is their largest.
template <typename T> __device__ void max_pool_input(const T *x, const T *gradient, T *dx, u64 count, Window g) {
    for (u64 at = thread_of_grid(); at < count; at += threads_of_grid()) {
        u64 image = at;
        u32 column = split(image, g.width), row = split(image, g.height);
        const T *plane = x + image * g.height * g.width;
        const T *gradients = gradient + image * g.rows * g.columns;
        Wide<T> sum = 0;
        g.windows_over(row, column, [&](u32, u32, u32 i, u32 j) {
            if (largest(plane, i, j, g) == row * g.width + column) sum += load(gradients, (u64)i * g.columns + j);
        });
        store(dx, at, sum);
    }
}

// Every pixel factor x factor times. `width` is that of x.
template <typename T> __device__ void upsample(const T *x, T *y, u64 count, u32 width, u32 factor) {
    for (u64 at = thread_of_grid(); at < count; at += threads_of_grid()) {
        u64 row = at;
        u32 column = split(row, width * factor);
        split(row, factor);
        y[at] = x[row * width + column / factor];
    }
}

template <typename T> __device__ void upsample_input(const T *gradient, T *dx, u64 count, u32 width, u32 factor) {
    for (u64 at = thread_of_grid(); at < count; at += threads_of_grid()) {
        u64 row = at;
        u32 column = split(row, width);
        Wide<T> sum = 0;
        for (u32 u = 0; u < factor; u++)
            for (u32 v = 0; v < factor; v++)
                sum += load(gradient, (row * factor + u) * width * factor + column * factor + v);
        store(dx, at, sum);
    }
}

// Block (plane): y = share * sum of x, or of x * other when there is one.
template <typename T> __device__ void plane_sums(const T *x, const T *other, T *y, u32 plane, Wide<T> share) {
    const T *values = x + (u64)blockIdx.x * plane, *others = other + (u64)blockIdx.x * plane;
    Wide<T> sum = 0;
    for (u32 at = threadIdx.x; at < plane; at += SUMMING)
        sum += other == x ? load(values, at) : load(values, at) * load(others, at);
    sum = block_sum(sum);
    if (threadIdx.x == 0) store(y, blockIdx.x, sum * share);
}

// y = x * scale[plane]
template <typename T> __device__ void plane_scale(const T *x, const T *scale, T *y, u64 count, u32 plane) {
    for (u64 at = thread_of_grid(); at < count; at += threads_of_grid()) {
        u64 planes = at;
        split(planes, plane);
        store(y, at, load(x, at) * load(scale, planes));
    }
}

// y = value[plane] * share
template <typename T> __device__ void plane_fill(const T *value, T *y, u64 count, u32 plane, Wide<T> share) {
    for (u64 at = thread_of_grid(); at < count; at += threads_of_grid()) {
        u64 planes = at;
        split(planes, plane);
        store(y, at, load(value, planes) * share);
    }
}

#define WINDOW u32 channels, u32 height, u32 width, u32 k, u32 l, u32 rows, u32 columns, u32 stride, u32 top, u32 left
#define G Window{channels, height, width, k, l, rows, columns, stride, top, left}
// Sums over a block must be launched with SUMMING threads.
#define KERNEL extern "C" __global__ void __launch_bounds__(SUMMING)

#define KERNELS(T, NAME)                                                                                                   \
    KERNEL im2col_##NAME(const T *x, T *y, u64 count, WINDOW) { im2col(x, y, count, G); }                                  \
    KERNEL col2im_##NAME(const T *x, T *y, u64 count, WINDOW) { col2im(x, y, count, G); }                                  \
    KERNEL depthwise_##NAME(const T *x, const T *w, T *y, u64 count, WINDOW) { depthwise(x, w, y, count, G); }             \
    KERNEL depthwise_input_##NAME(const T *d, const T *w, T *dx, u64 count, WINDOW) {                                      \
        depthwise_input(d, w, dx, count, G);                                                                               \
    }                                                                                                                      \
    KERNEL depthwise_weight_##NAME(const T *x, const T *d, Wide<T> *parts, u64 pixels, u32 slices, WINDOW) {               \
        depthwise_weight(x, d, parts, slices, pixels, G);                                                                  \
    }                                                                                                                      \
    KERNEL moments_##NAME(const T *x, Wide<T> *parts, u64 count, u32 slices, u32 channels, u32 plane) {                    \
        moments(x, parts, slices, channels, plane, count);                                                                 \
    }                                                                                                                      \
    KERNEL normalise_##NAME(const T *x, const Wide<T> *affine, T *y, u64 count, u32 channels, u32 plane, u32 kind) {       \
        normalise(x, affine, y, count, channels, plane, kind);                                                             \
    }                                                                                                                      \
    KERNEL normalise_sums_##NAME(const T *x, const T *d, const Wide<T> *affine, Wide<T> *parts, u64 count, u32 slices,     \
                                 u32 channels, u32 plane, u32 kind) {                                                      \
        normalise_sums(x, d, affine, parts, slices, channels, plane, count, kind);                                         \
    }                                                                                                                      \
    KERNEL normalise_input_##NAME(const T *x, const T *d, const Wide<T> *affine, T *dx, u64 count, u32 channels,           \
                                  u32 plane, u32 kind) {                                                                   \
        normalise_input(x, d, affine, dx, count, channels, plane, kind);                                                   \
    }                                                                                                                      \
    KERNEL activate_##NAME(const T *x, T *y, u64 count, u32 kind) { activate(x, y, count, kind); }                         \
    KERNEL activate_input_##NAME(const T *x, const T *d, T *dx, u64 count, u32 kind) {                                     \
        activate_input(x, d, dx, count, kind);                                                                             \
    }                                                                                                                      \
    KERNEL max_pool_##NAME(const T *x, T *y, u64 count, WINDOW) { max_pool(x, y, count, G); }                              \
    KERNEL max_pool_input_##NAME(const T *x, const T *d, T *dx, u64 count, WINDOW) { max_pool_input(x, d, dx, count, G); } \
    KERNEL upsample_##NAME(const T *x, T *y, u64 count, u32 width, u32 factor) { upsample(x, y, count, width, factor); }   \
    KERNEL upsample_input_##NAME(const T *d, T *dx, u64 count, u32 width, u32 factor) {                                    \
        upsample_input(d, dx, count, width, factor);                                                                       \
    }                                                                                                                      \
    KERNEL plane_sums_##NAME(const T *x, const T *other, T *y, u64 count, u32 plane, double share) {                       \
        plane_sums(x, other, y, plane, Wide<T>(share));                                                                    \
    }                                                                                                                      \
    KERNEL plane_scale_##NAME(const T *x, const T *s, T *y, u64 count, u32 plane) { plane_scale(x, s, y, count, plane); }  \
    KERNEL plane_fill_##NAME(const T *value, T *y, u64 count, u32 plane, double share) {                                   \
        plane_fill(value, y, count, plane, Wide<T>(share));                                                                \
    }

KERNELS(float, f32)
KERNELS(double, f64)
KERNELS(__nv_bfloat16, bf16)

KERNEL moments_together_f32(const float *parts, float *out, u64 count, u32 slices, u32 channels) {
    moments_together(parts, out, slices, channels, count);
}
KERNEL moments_together_f64(const double *parts, double *out, u64 count, u32 slices, u32 channels) {
    moments_together(parts, out, slices, channels, count);
}
