// Tests the emulated GPU through the driver's interface, as a program would use it; test.sh builds and runs it.
//
//   test PTX_FOLDER           every check
//   test PTX_FOLDER FAULT     one misuse, which must end the program with a message
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <numeric>
#include <string>
#include <vector>

#include <cublas_v2.h>
#include <cuda.h>
#include <curand.h>

#define CHECK(CONDITION)                                                                                                                               \
    do {                                                                                                                                               \
        if (!(CONDITION)) {                                                                                                                            \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #CONDITION);                                                                            \
            exit(1);                                                                                                                                   \
        }                                                                                                                                              \
    } while (0)
#define OK(CALL) CHECK((CALL) == 0)

static std::string folder;
static CUstream stream;

static CUfunction kernel(const std::string &module_name, const char *name) {
    static std::map<std::string, CUmodule> modules;
    if (!modules.count(module_name)) {
        std::ifstream file(folder + "/" + module_name + ".ptx");
        std::string text((std::istreambuf_iterator<char>(file)), {});
        CHECK(!text.empty());
        OK(cuModuleLoadData(&modules[module_name], text.c_str()));
    }
    CUfunction function;
    OK(cuModuleGetFunction(&function, modules[module_name], name));
    return function;
}

template <typename T> struct Buffer {
    CUdeviceptr at = 0;
    size_t count;
    explicit Buffer(size_t count) : count(count) { OK(cuMemAllocAsync(&at, count * sizeof(T), stream)); }
    explicit Buffer(const std::vector<T> &values) : Buffer(values.size()) { OK(cuMemcpyHtoDAsync(at, values.data(), count * sizeof(T), stream)); }
    ~Buffer() { OK(cuMemFreeAsync(at, stream)); }
    std::vector<T> read() const {
        std::vector<T> values(count);
        OK(cuMemcpyDtoHAsync(values.data(), at, count * sizeof(T), stream));
        return values;
    }
    operator T *() const { return (T *)at; }
};

template <typename... A> static void launch(CUfunction f, dim3 grid, dim3 block, unsigned shared, A... arguments) {
    void *params[] = {&arguments..., nullptr};
    OK(cuLaunchKernel(f, grid.x, grid.y, grid.z, block.x, block.y, block.z, shared, stream, params, nullptr));
}

static uint16_t bf16(float v) {
    uint32_t bits;
    memcpy(&bits, &v, 4);
    uint32_t low = bits & 0xffff, high = bits >> 16;
    return high + (low > 0x8000 || (low == 0x8000 && (high & 1)));
}
static float from_bf16(uint16_t v) {
    uint32_t bits = (uint32_t)v << 16;
    float f;
    memcpy(&f, &bits, 4);
    return f;
}
static float number(size_t i) { return (float)((i * 2654435761u >> 8) % 2001) / 1000 - 1; }
template <typename T> static std::vector<T> numbers(size_t count, size_t from = 0) {
    std::vector<T> v(count);
    for (size_t i = 0; i < count; i++) v[i] = (T)number(i + from);
    return v;
}
static bool near(double a, double b, double tolerance) { return std::fabs(a - b) <= tolerance * (1 + std::fabs(b)); }

static void own_kernels() {
    {
        auto host = numbers<float>(1000);
        Buffer<float> values(host);
        launch(kernel("test", "test_scale"), 3, 128, 0, (float *)values, 2.5f, 1000u);
        auto got = values.read();
        for (size_t i = 0; i < 1000; i++) CHECK(got[i] == host[i] * 2.5f);
    }
    {
        auto host = numbers<double>(5000);
        Buffer<double> in(host), out(4);
        launch(kernel("test", "test_sum_f64"), 4, 256, 0, (double *)in, (double *)out, 5000u);
        auto got = out.read();
        CHECK(near(got[0] + got[1] + got[2] + got[3], std::accumulate(host.begin(), host.end(), 0.0), 1e-12));
    }
    {
        Buffer<double> out(3), c(std::vector<double>{0.25});
        Buffer<float> j(std::vector<float>{0.5f});
        double sum = -1 + 2.f + 0.25 + 200 + 5. + (1ll << 40) + 7.f - 8 + 9. + 0.5 + 4e9 + 12.f + 13. + 14.f + 15. + 16.f - 17 + 18.f + 1 + 1.5;
        launch(kernel("test", "test_many"), 1, 3, 0, (double *)out, -1, 2.f, (double *)c, (unsigned char)200, 5., 1ll << 40, 7.f, (short)-8, 9., (float *)j,
               4000000000u, 12.f, 13., 14.f, 15., 16.f, -17, 18.f, true, bf16(1.5f));
        auto got = out.read();
        for (int i = 0; i < 3; i++) CHECK(near(got[i], sum + i, 1e-6));
    }
    {
        std::vector<float> host = {1.00390625f, 1.01171875f, -3.3f, 65504.f, 1e-40f, 3.4e38f, 0.1f};
        Buffer<float> in(host);
        Buffer<uint16_t> out(host.size());
        launch(kernel("test", "test_bf16"), 1, 32, 0, (float *)in, (uint16_t *)out, bf16(0.5f), (unsigned)host.size());
        auto got = out.read();
        for (size_t i = 0; i < host.size(); i++) CHECK(got[i] == bf16(from_bf16(bf16(host[i])) + 0.5f));
    }
    {
        const unsigned blocks = 2 * 3 * 2, threads = 4 * 2 * 3;
        Buffer<unsigned> out(std::vector<unsigned>(blocks * threads));
        launch(kernel("test", "test_place"), dim3(2, 3, 2), dim3(4, 2, 3), 0, (unsigned *)out);
        auto got = out.read();
        for (unsigned i = 0; i < got.size(); i++) CHECK(got[i] == i / threads * 1000 + i % threads);
    }
    {
        std::vector<int> host(64);
        for (int i = 0; i < 64; i++) host[i] = i * i % 37;
        Buffer<int> in(host), out(64 * 3);
        launch(kernel("test", "test_warp"), 1, 64, 0, (int *)in, (int *)out);
        auto got = out.read();
        for (int i = 0; i < 64; i++) {
            int first = i / 32 * 32, sum = 0, odd = 0;
            for (int l = first; l < first + 32; l++) sum += host[l], odd += host[l] & 1;
            CHECK(got[i * 3] == sum && got[i * 3 + 1] == host[i % 32 == 31 ? i : i + 1] && got[i * 3 + 2] == odd);
        }
    }
    {
        auto host = numbers<float>(1024);
        Buffer<float> values(host);
        launch(kernel("test", "test_reverse"), 1, 1024, 4096, (float *)values);
        auto got = values.read();
        for (size_t i = 0; i < 1024; i++) CHECK(got[i] == host[1023 - i]);
    }
    {
        auto host = numbers<float>(256);
        Buffer<float> values(host);
        launch(kernel("test", "test_race"), 1, 256, 0, (float *)values);
        auto got = values.read();
        size_t right = 0;
        for (size_t i = 0; i < 256; i++) right += got[i] == host[255 - i];
        CHECK(right < 256); // a missing barrier shows
    }
    {
        Buffer<float> out(std::vector<float>(64, 1));
        launch(kernel("test", "test_unset_shared"), 2, 32, 0, (float *)out);
        CHECK(out.read()[0] == 1 && std::isnan(out.read()[32]));
    }
}

static void candle_kernels() {
    const size_t rows = 6, columns = 700, count = rows * columns;
    auto host = numbers<float>(count);
    Buffer<float> in(host), out(count);
    launch(kernel("unary", "uexp_f32"), 9, 512, 0, count, (size_t)2, (size_t *)nullptr, (float *)in, (float *)out);
    auto got = out.read();
    for (size_t i = 0; i < count; i++) CHECK(near(got[i], std::exp(host[i]), 1e-6));

    // A transposed view: dimensions, then strides.
    Buffer<size_t> info(std::vector<size_t>{columns, rows, 1, columns});
    launch(kernel("affine", "affine_f32"), 9, 512, 0, count, (size_t)2, (size_t *)info, (float *)in, (float *)out, 3.f, 0.25f);
    got = out.read();
    for (size_t c = 0; c < columns; c++)
        for (size_t r = 0; r < rows; r++) CHECK(got[c * rows + r] == host[r * columns + c] * 3.f + 0.25f);

    Buffer<size_t> plain(std::vector<size_t>{rows, columns, columns, 1});
    Buffer<float> sums(rows);
    launch(kernel("reduce", "fast_sum_f32"), rows, 1024, 0, count, columns, (size_t)2, (size_t *)plain, (float *)in, (float *)sums);
    auto sum = sums.read();
    for (size_t r = 0; r < rows; r++) CHECK(near(sum[r], std::accumulate(host.begin() + r * columns, host.begin() + (r + 1) * columns, 0.0), 1e-5));

    Buffer<float> probabilities(count);
    launch(kernel("reduce", "softmax_f32"), dim3(rows), dim3(1, 32), 0, (float *)in, (float *)probabilities, (int)columns);
    got = probabilities.read();
    for (size_t r = 0; r < rows; r++) {
        double total = 0;
        for (size_t c = 0; c < columns; c++) total += std::exp(host[r * columns + c]);
        for (size_t c = 0; c < columns; c++) CHECK(near(got[r * columns + c], std::exp(host[r * columns + c]) / total, 1e-5));
    }

    Buffer<uint16_t> narrow(count);
    Buffer<uint16_t> narrow_sums(rows);
    launch(kernel("cast", "cast_f32_bf16"), 9, 512, 0, count, (size_t)2, (size_t *)nullptr, (float *)in, (uint16_t *)narrow);
    auto bits = narrow.read();
    for (size_t i = 0; i < count; i++) CHECK(bits[i] == bf16(host[i]));
    launch(kernel("reduce", "fast_sum_bf16"), rows, 1024, 0, count, columns, (size_t)2, (size_t *)plain, (uint16_t *)narrow, (uint16_t *)narrow_sums);
    bits = narrow_sums.read();
    for (size_t r = 0; r < rows; r++) CHECK(near(from_bf16(bits[r]), sum[r], 0.05));

    Buffer<unsigned> order(count);
    launch(kernel("sort", "asort_asc_f32"), dim3(rows), dim3(1024), 1024 * 4, (float *)in, (unsigned *)order, (int)columns, 1024);
    auto places = order.read();
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 1; c < columns; c++) CHECK(host[r * columns + places[r * columns + c - 1]] <= host[r * columns + places[r * columns + c]]);
}

template <typename T> static double wide(T v) { return v; }
static double wide(uint16_t v) { return from_bf16(v); }
template <typename T> static T narrow(double v) { return (T)v; }
template <> uint16_t narrow(double v) { return bf16((float)v); }

template <typename T> static std::vector<T> matrix(size_t count, size_t from) {
    std::vector<T> v(count);
    for (size_t i = 0; i < count; i++) v[i] = narrow<T>(number(i + from));
    return v;
}

template <typename T> static void products(cudaDataType type, cublasComputeType_t compute, double tolerance) {
    cublasHandle_t handle;
    OK(cublasCreate(&handle));
    OK(cublasSetStream(handle, (cudaStream_t)stream));
    for (int variant = 0; variant < 4; variant++) {
        cublasOperation_t ta = variant & 1 ? CUBLAS_OP_T : CUBLAS_OP_N, tb = variant & 2 ? CUBLAS_OP_T : CUBLAS_OP_N;
        const int m = 13, n = 7, k = 21, batch = 3, lda = 25, ldb = 23, ldc = 15;
        const long long sa = lda * 25, sb = ldb * 23, sc = ldc * n + 4;
        auto a = matrix<T>(sa * batch, 0), b = matrix<T>(sb * batch, 5000), c = matrix<T>(sc * batch, 9000);
        Buffer<T> da(a), db(b), dc(c);
        float alpha = 1.5, beta = 0.5;
        double alpha64 = alpha, beta64 = beta;
        bool is64 = type == CUDA_R_64F;
        OK(cublasGemmStridedBatchedEx(handle, ta, tb, m, n, k, is64 ? (void *)&alpha64 : &alpha, (T *)da, type, lda, sa, (T *)db, type, ldb, sb,
                                      is64 ? (void *)&beta64 : &beta, (T *)dc, type, ldc, sc, batch, compute, CUBLAS_GEMM_DEFAULT));
        auto got = dc.read();
        for (int i = 0; i < batch; i++)
            for (int col = 0; col < n; col++)
                for (int row = 0; row < m; row++) {
                    double sum = 0;
                    for (int l = 0; l < k; l++)
                        sum += wide(a[i * sa + (ta ? l + row * lda : row + l * lda)]) * wide(b[i * sb + (tb ? col + l * ldb : l + col * ldb)]);
                    size_t at = i * sc + row + col * ldc;
                    CHECK(near(wide(got[at]), alpha64 * sum + beta64 * wide(c[at]), tolerance));
                }
    }
    OK(cublasDestroy(handle));
}

static void blas() {
    products<float>(CUDA_R_32F, CUBLAS_COMPUTE_32F, 1e-5);
    products<double>(CUDA_R_64F, CUBLAS_COMPUTE_64F, 1e-12);
    products<uint16_t>(CUDA_R_16BF, CUBLAS_COMPUTE_32F, 1e-2);
    // A zero beta does not read the result, which here is not a number.
    cublasHandle_t handle;
    OK(cublasCreate(&handle));
    Buffer<float> a(numbers<float>(6)), b(numbers<float>(6)), c(4), y(2);
    float one = 1, zero = 0;
    OK(cublasSgemm(handle, CUBLAS_OP_N, CUBLAS_OP_N, 2, 2, 3, &one, a, 2, b, 3, &zero, c, 2));
    CHECK(near(c.read()[3], number(1) * number(3) + number(3) * number(4) + number(5) * number(5), 1e-6));
    OK(cublasSgemv(handle, CUBLAS_OP_N, 2, 3, &one, a, 2, b, 1, &zero, y, 1));
    CHECK(near(y.read()[1], number(1) * number(0) + number(3) * number(1) + number(5) * number(2), 1e-6));
    OK(cublasSgemv(handle, CUBLAS_OP_T, 3, 2, &one, a, 3, b, 1, &zero, y, 1));
    CHECK(near(y.read()[1], number(3) * number(0) + number(4) * number(1) + number(5) * number(2), 1e-6));
}

static void random_numbers() {
    curandGenerator_t generator;
    OK(curandCreateGenerator(&generator, CURAND_RNG_PSEUDO_DEFAULT));
    OK(curandSetPseudoRandomGeneratorSeed(generator, 7));
    const size_t count = 100000;
    Buffer<float> values(count);
    auto moments = [&](double &mean, double &variance) {
        mean = variance = 0;
        for (float v : values.read()) mean += v, variance += (double)v * v;
        mean /= count;
        variance = variance / count - mean * mean;
    };
    double mean, variance;
    OK(curandGenerateUniform(generator, values, count));
    for (float v : values.read()) CHECK(v > 0 && v <= 1);
    moments(mean, variance);
    CHECK(std::fabs(mean - 0.5) < 0.005 && std::fabs(variance - 1.0 / 12) < 0.002);
    OK(curandGenerateNormal(generator, values, count, 3, 2));
    moments(mean, variance);
    CHECK(std::fabs(mean - 3) < 0.03 && std::fabs(variance - 4) < 0.1);
    OK(curandDestroyGenerator(generator));
}

static void memory() {
    CUdeviceptr at;
    CHECK(cuMemAlloc(&at, 0) == CUDA_ERROR_INVALID_VALUE);
    CHECK(cuMemAllocAsync(&at, 0, stream) == CUDA_SUCCESS && at == 0);
    CHECK(cuMemAlloc(&at, 1ull << 50) == CUDA_ERROR_OUT_OF_MEMORY);
    Buffer<float> fresh(3);
    for (float v : fresh.read()) CHECK(std::isnan(v));
    Buffer<int> copy(std::vector<int>{1, 2, 3}), other(3);
    OK(cuMemcpyDtoDAsync(other.at, copy.at, 12, stream));
    OK(cuMemsetD8Async(copy.at, 0, 8, stream));
    CHECK((other.read() == std::vector<int>{1, 2, 3}) && (copy.read() == std::vector<int>{0, 0, 3}));
    size_t free, total;
    OK(cuMemGetInfo(&free, &total));
    CHECK(total - free == 36);
    CUdevice device;
    OK(cuDeviceGet(&device, 0));
    CHECK(cuDeviceGet(&device, 1) == CUDA_ERROR_INVALID_DEVICE);
}

int main(int argc, char **argv) {
    CHECK(argc > 1);
    folder = argv[1];
    std::string fault = argc > 2 ? argv[2] : "";
    CUcontext context;
    OK(cuInit(0));
    OK(cuDevicePrimaryCtxRetain(&context, 0));
    CHECK(cuStreamSynchronize(nullptr) == CUDA_ERROR_INVALID_CONTEXT);
    OK(cuCtxSetCurrent(context));
    OK(cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING));
    if (fault.empty()) {
        memory();
        own_kernels();
        candle_kernels();
        blas();
        random_numbers();
        OK(cuStreamDestroy(stream));
        puts("every check passed");
        return 0;
    }
    std::vector<float> host(2000);
    CUfunction scale = kernel("test", "test_scale");
    Buffer<float> values(1000);
    const std::map<std::string, std::function<void()>> faults = {
        {"copy-past-end", [&] { cuMemcpyHtoD(values.at, host.data(), 4004); }},
        {"copy-from-host", [&] { cuMemcpyDtoD(values.at, (CUdeviceptr)host.data(), 4); }},
        {"free-twice", [&] { CUdeviceptr at; OK(cuMemAlloc(&at, 8)); OK(cuMemFree(at)); cuMemFree(at); }},
        {"overrun", [&] { CUdeviceptr at; OK(cuMemAlloc(&at, 8)); launch(kernel("test", "test_overrun"), 1, 1, 0, at, 2u); cuMemFree(at); }},
        {"shared-index", [&] { launch(kernel("test", "test_shared_index"), 1, 64, 0, (float *)values); }},
        {"misaligned", [&] { launch(kernel("test", "test_misaligned"), 1, 1, 0, (float *)values); }},
        {"host-pointer", [&] { launch(scale, 1, 1, 0, host.data(), 1.f, 1u); }},
        {"freed-pointer", [&] { CUdeviceptr at; OK(cuMemAlloc(&at, 8)); OK(cuMemFree(at)); launch(scale, 1, 1, 0, at, 1.f, 1u); }},
        {"threads", [&] { launch(scale, 1, 1025, 0, (float *)values, 1.f, 1u); }},
        {"no-blocks", [&] { launch(scale, 0, 32, 0, (float *)values, 1.f, 1u); }},
        {"grid-y", [&] { launch(scale, dim3(1, 65536), 32, 0, (float *)values, 1.f, 1u); }},
        {"shared", [&] { launch(kernel("test", "test_reverse"), 1, 32, 49 << 10, (float *)values); }},
        {"not-emulated", [&] { cuCtxResetPersistingL2Cache(); }},
        {"small-ld", [&] {
             cublasHandle_t handle;
             float one = 1;
             OK(cublasCreate(&handle));
             cublasSgemm(handle, CUBLAS_OP_N, CUBLAS_OP_N, 4, 4, 4, &one, values, 3, values, 4, &one, values, 4);
         }},
    };
    if (fault == "list") {
        for (auto &f : faults) puts(f.first.c_str());
        return 0;
    }
    faults.at(fault)();
    return 0;
}
