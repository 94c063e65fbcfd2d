// cuBLAS: matrix products, column by column. Elements are widened to the accumulator's type (float, or double for double), so that
// bf16 and f16 are rounded once, at the end.
#include <algorithm>
#include <type_traits>
#include <vector>

#include <cublas_v2.h>

#include "convert.h"
#include "emu.h"

using namespace emu;

namespace {

struct Handle {
    bool alive = true;
    cudaStream_t stream = nullptr;
    cublasPointerMode_t mode = CUBLAS_POINTER_MODE_HOST;
    cublasMath_t math = CUBLAS_DEFAULT_MATH;
};

Handle &checked(cublasHandle_t handle, const char *what) {
    if (!handle || !((Handle *)handle)->alive) die("%s: no live cuBLAS handle", what);
    return *(Handle *)handle;
}

template <typename A> A load(const void *base, cudaDataType type, size_t i) {
    switch (type) {
    case CUDA_R_32F: return (A)((const float *)base)[i];
    case CUDA_R_64F: return (A)((const double *)base)[i];
    case CUDA_R_16BF: return (A)emu_from_bf16(((const uint16_t *)base)[i]);
    case CUDA_R_16F: return (A)emu_from_half(((const uint16_t *)base)[i]);
    default: die("cuBLAS: data type %d is not emulated", type);
    }
}
template <typename A> void store(void *base, cudaDataType type, size_t i, A value) {
    switch (type) {
    case CUDA_R_32F: ((float *)base)[i] = (float)value; break;
    case CUDA_R_64F: ((double *)base)[i] = (double)value; break;
    case CUDA_R_16BF: ((uint16_t *)base)[i] = emu_to_bf16((float)value); break;
    case CUDA_R_16F: ((uint16_t *)base)[i] = emu_to_half(value); break;
    default: die("cuBLAS: data type %d is not emulated", type);
    }
}
size_t bytes(cudaDataType type) { return type == CUDA_R_64F ? 8 : type == CUDA_R_32F ? 4 : 2; }

struct Matrix {
    const void *base;
    cudaDataType type;
    int ld;
    long long stride; // between the matrices of a batch
    const uint8_t *at(long long batch) const { return (const uint8_t *)base + batch * stride * (long long)bytes(type); }
};

// The stored matrix has `rows` x `columns` with `ld` elements between columns.
void check_matrix(const Matrix &m, int rows, int columns, int batch, const char *what) {
    if (m.ld < (rows > 1 ? rows : 1)) die("%s: leading dimension %d of a matrix with %d rows", what, m.ld, rows);
    for (int i = 0; i < batch; i++) check_range(m.at(i), ((size_t)(columns - 1) * m.ld + rows) * bytes(m.type), what);
}

// Copies op(stored) into `out`, rows consecutive: out[row + column * rows].
template <typename A> void widen(const void *from, const Matrix &m, bool transposed, int rows, int columns, std::vector<A> &out) {
    out.resize((size_t)rows * columns);
    for (int c = 0; c < columns; c++)
        for (int r = 0; r < rows; r++) out[r + (size_t)c * rows] = load<A>(from, m.type, transposed ? c + (size_t)r * m.ld : r + (size_t)c * m.ld);
}

template <typename A>
void product(bool ta, bool tb, int m, int n, int k, A alpha, const Matrix &a, const Matrix &b, A beta, const Matrix &c, int batch) {
    std::vector<A> wide_a, wide_b, sums;
    sums.resize((size_t)m * 4);
    for (int i = 0; i < batch; i++) {
        if (i == 0 || a.stride) widen<A>(a.at(i), a, ta, m, k, wide_a);
        if (i == 0 || b.stride) widen<A>(b.at(i), b, tb, k, n, wide_b);
        void *out = (void *)c.at(i);
        // Four columns at a time, so that an element of `a` is read once for four products.
        for (int j = 0; j < n; j += 4) {
            const int width = n - j < 4 ? n - j : 4;
            std::fill(sums.begin(), sums.end(), A(0));
            A *s0 = sums.data(), *s1 = s0 + m, *s2 = s1 + m, *s3 = s2 + m;
            for (int l = 0; l < k; l++) {
                const A *column = wide_a.data() + (size_t)l * m;
                A f[4] = {0, 0, 0, 0};
                for (int w = 0; w < width; w++) f[w] = wide_b[l + (size_t)(j + w) * k];
                if (width == 4) {
#pragma GCC ivdep
                    for (int r = 0; r < m; r++) {
                        A v = column[r];
                        s0[r] += v * f[0];
                        s1[r] += v * f[1];
                        s2[r] += v * f[2];
                        s3[r] += v * f[3];
                    }
                } else {
                    for (int w = 0; w < width; w++)
                        for (int r = 0; r < m; r++) sums[r + (size_t)w * m] += column[r] * f[w];
                }
            }
            for (int w = 0; w < width; w++)
                for (int r = 0; r < m; r++) {
                    size_t at = r + (size_t)(j + w) * c.ld;
                    A value = alpha * sums[r + (size_t)w * m];
                    if (beta != A(0)) value += beta * load<A>(out, c.type, at); // a zero beta does not read
                    store<A>(out, c.type, at, value);
                }
        }
    }
}

bool is_transposed(cublasOperation_t op) { return op != CUBLAS_OP_N; }

// `scale` is the type of alpha and beta.
cublasStatus_t gemm(cublasHandle_t handle, cublasOperation_t ta, cublasOperation_t tb, int m, int n, int k, const void *alpha, Matrix a, Matrix b,
                    const void *beta, Matrix c, int batch, cudaDataType scale, const char *what) {
    Lock lock(device);
    if (checked(handle, what).mode != CUBLAS_POINTER_MODE_HOST) die("%s: scalars on the device are not emulated", what);
    CUcontext context;
    if (cuCtxGetCurrent(&context) != CUDA_SUCCESS || !context) return CUBLAS_STATUS_NOT_INITIALIZED;
    if (m < 0 || n < 0 || k < 0 || batch < 0) return CUBLAS_STATUS_INVALID_VALUE;
    if (!m || !n || !batch) return CUBLAS_STATUS_SUCCESS;
    bool at = is_transposed(ta), bt = is_transposed(tb);
    if (k) {
        check_matrix(a, at ? k : m, at ? m : k, batch, (std::string(what) + ", first factor").c_str());
        check_matrix(b, bt ? n : k, bt ? k : n, batch, (std::string(what) + ", second factor").c_str());
    }
    check_matrix(c, m, n, batch, (std::string(what) + ", result").c_str());
    // A stride below a result's size may interleave them; none at all puts them on one another.
    if (batch > 1 && !c.stride) die("%s: the results of a batch lie on one another", what);
    if (scale == CUDA_R_64F) product<double>(at, bt, m, n, k, load<double>(alpha, scale, 0), a, b, load<double>(beta, scale, 0), c, batch);
    else product<float>(at, bt, m, n, k, load<float>(alpha, scale, 0), a, b, load<float>(beta, scale, 0), c, batch);
    return CUBLAS_STATUS_SUCCESS;
}

cudaDataType scale_type(cublasComputeType_t compute) {
    switch (compute) {
    case CUBLAS_COMPUTE_16F:
    case CUBLAS_COMPUTE_16F_PEDANTIC: return CUDA_R_16F;
    case CUBLAS_COMPUTE_32F:
    case CUBLAS_COMPUTE_32F_PEDANTIC:
    case CUBLAS_COMPUTE_32F_FAST_16F:
    case CUBLAS_COMPUTE_32F_FAST_16BF:
    case CUBLAS_COMPUTE_32F_FAST_TF32: return CUDA_R_32F;
    case CUBLAS_COMPUTE_64F:
    case CUBLAS_COMPUTE_64F_PEDANTIC: return CUDA_R_64F;
    default: die("cuBLAS: compute type %d is not emulated", compute);
    }
}

template <typename T> constexpr cudaDataType type_of() { return std::is_same_v<T, double> ? CUDA_R_64F : CUDA_R_32F; }

template <typename T>
cublasStatus_t gemv(cublasHandle_t handle, cublasOperation_t op, int m, int n, const T *alpha, const T *a, int lda, const T *x, int incx, const T *beta,
                    T *y, int incy, const char *what) {
    if (incx <= 0 || incy <= 0) die("%s: increments %d and %d are not emulated", what, incx, incy);
    constexpr cudaDataType type = type_of<T>();
    int rows = is_transposed(op) ? n : m, inner = is_transposed(op) ? m : n;
    // Vectors are the rows of matrices with the increment as leading dimension: y' = x' op(A)'.
    return gemm(handle, CUBLAS_OP_N, is_transposed(op) ? CUBLAS_OP_N : CUBLAS_OP_T, 1, rows, inner, alpha, {x, type, incx, 0}, {a, type, lda, 0}, beta,
                {y, type, incy, 0}, 1, type, what);
}

} // namespace

extern "C" {

cublasStatus_t cublasCreate_v2(cublasHandle_t *handle) { *handle = (cublasHandle_t) new Handle; return CUBLAS_STATUS_SUCCESS; }
// Kept, so that a later use is caught.
cublasStatus_t cublasDestroy_v2(cublasHandle_t handle) { checked(handle, "cublasDestroy").alive = false; return CUBLAS_STATUS_SUCCESS; }
cublasStatus_t cublasSetStream_v2(cublasHandle_t handle, cudaStream_t stream) { checked(handle, "cublasSetStream").stream = stream; return CUBLAS_STATUS_SUCCESS; }
cublasStatus_t cublasGetStream_v2(cublasHandle_t handle, cudaStream_t *stream) { *stream = checked(handle, "cublasGetStream").stream; return CUBLAS_STATUS_SUCCESS; }
cublasStatus_t cublasSetWorkspace_v2(cublasHandle_t handle, void *at, size_t size) {
    Lock lock(device);
    checked(handle, "cublasSetWorkspace");
    check_range(at, size, "cublasSetWorkspace");
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasSetMathMode(cublasHandle_t handle, cublasMath_t mode) { checked(handle, "cublasSetMathMode").math = mode; return CUBLAS_STATUS_SUCCESS; }
cublasStatus_t cublasGetMathMode(cublasHandle_t handle, cublasMath_t *mode) { *mode = checked(handle, "cublasGetMathMode").math; return CUBLAS_STATUS_SUCCESS; }
cublasStatus_t cublasSetPointerMode_v2(cublasHandle_t handle, cublasPointerMode_t mode) { checked(handle, "cublasSetPointerMode").mode = mode; return CUBLAS_STATUS_SUCCESS; }
cublasStatus_t cublasGetPointerMode_v2(cublasHandle_t handle, cublasPointerMode_t *mode) { *mode = checked(handle, "cublasGetPointerMode").mode; return CUBLAS_STATUS_SUCCESS; }

#define EMU_GEMM(LETTER, T)                                                                                                                            \
    cublasStatus_t cublas##LETTER##gemm_v2(cublasHandle_t h, cublasOperation_t ta, cublasOperation_t tb, int m, int n, int k, const T *alpha,          \
                                           const T *a, int lda, const T *b, int ldb, const T *beta, T *c, int ldc) {                                  \
        constexpr cudaDataType type = type_of<T>();                                                                                                   \
        return gemm(h, ta, tb, m, n, k, alpha, {a, type, lda, 0}, {b, type, ldb, 0}, beta, {c, type, ldc, 0}, 1, type, "cublas" #LETTER "gemm");      \
    }                                                                                                                                                 \
    cublasStatus_t cublas##LETTER##gemmStridedBatched(cublasHandle_t h, cublasOperation_t ta, cublasOperation_t tb, int m, int n, int k,              \
                                                      const T *alpha, const T *a, int lda, long long sa, const T *b, int ldb, long long sb,           \
                                                      const T *beta, T *c, int ldc, long long sc, int batch) {                                        \
        constexpr cudaDataType type = type_of<T>();                                                                                                   \
        return gemm(h, ta, tb, m, n, k, alpha, {a, type, lda, sa}, {b, type, ldb, sb}, beta, {c, type, ldc, sc}, batch, type,                         \
                    "cublas" #LETTER "gemmStridedBatched");                                                                                           \
    }                                                                                                                                                 \
    cublasStatus_t cublas##LETTER##gemv_v2(cublasHandle_t h, cublasOperation_t op, int m, int n, const T *alpha, const T *a, int lda, const T *x,     \
                                           int incx, const T *beta, T *y, int incy) {                                                                 \
        return gemv<T>(h, op, m, n, alpha, a, lda, x, incx, beta, y, incy, "cublas" #LETTER "gemv");                                                  \
    }
EMU_GEMM(S, float)
EMU_GEMM(D, double)

cublasStatus_t cublasGemmEx(cublasHandle_t h, cublasOperation_t ta, cublasOperation_t tb, int m, int n, int k, const void *alpha, const void *a,
                            cudaDataType at, int lda, const void *b, cudaDataType bt, int ldb, const void *beta, void *c, cudaDataType ct, int ldc,
                            cublasComputeType_t compute, cublasGemmAlgo_t) {
    return gemm(h, ta, tb, m, n, k, alpha, {a, at, lda, 0}, {b, bt, ldb, 0}, beta, {c, ct, ldc, 0}, 1, scale_type(compute), "cublasGemmEx");
}
cublasStatus_t cublasGemmStridedBatchedEx(cublasHandle_t h, cublasOperation_t ta, cublasOperation_t tb, int m, int n, int k, const void *alpha,
                                          const void *a, cudaDataType at, int lda, long long sa, const void *b, cudaDataType bt, int ldb, long long sb,
                                          const void *beta, void *c, cudaDataType ct, int ldc, long long sc, int batch, cublasComputeType_t compute,
                                          cublasGemmAlgo_t) {
    return gemm(h, ta, tb, m, n, k, alpha, {a, at, lda, sa}, {b, bt, ldb, sb}, beta, {c, ct, ldc, sc}, batch, scale_type(compute),
                "cublasGemmStridedBatchedEx");
}

} // extern "C"
