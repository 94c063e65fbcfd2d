// The rest of the driver: device, contexts, streams, events, memory and copies. Everything happens at once and in order, so
// streams and events only have to exist.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <set>

#include "emu.h"

using namespace emu;

namespace {

// The one device has one context; the address stands for it.
char the_context;
thread_local CUcontext current;

struct Event {
    double time = -1;
    bool timing;
};
std::set<Event *> events;
std::set<void *> streams;

double now() {
    timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec * 1e-9;
}

// The default stream, the legacy and the per-thread one have fixed small handles.
void check_stream(CUstream stream, const char *what) {
    Lock lock(device);
    if ((uintptr_t)stream > 2 && !streams.count(stream)) die("%s: %p is no live stream", what, (void *)stream);
}
Event *checked(CUevent event, const char *what) {
    if (!events.count((Event *)event)) die("%s: %p is no live event", what, (void *)event);
    return (Event *)event;
}
// A host buffer that is device memory is a mixed-up direction.
void check_host(const void *at, size_t size, const char *what) {
    if (size && !at) die("%s: the host buffer is null", what);
    if (size && is_device((uintptr_t)at)) die("%s: the host buffer %p is device memory: %s", what, at, describe((uintptr_t)at).c_str());
}

struct ErrorText {
    CUresult code;
    const char *name, *text;
};
const ErrorText errors[] = {
    {CUDA_SUCCESS, "CUDA_SUCCESS", "no error"},
    {CUDA_ERROR_INVALID_VALUE, "CUDA_ERROR_INVALID_VALUE", "invalid argument"},
    {CUDA_ERROR_OUT_OF_MEMORY, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"},
    {CUDA_ERROR_NOT_INITIALIZED, "CUDA_ERROR_NOT_INITIALIZED", "initialization error"},
    {CUDA_ERROR_INVALID_DEVICE, "CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal"},
    {CUDA_ERROR_INVALID_CONTEXT, "CUDA_ERROR_INVALID_CONTEXT", "invalid device context"},
    {CUDA_ERROR_NOT_FOUND, "CUDA_ERROR_NOT_FOUND", "named symbol not found"},
    {CUDA_ERROR_NOT_SUPPORTED, "CUDA_ERROR_NOT_SUPPORTED", "operation not supported"},
};

#define ENTER                                                                                                                      \
    Lock lock(device);                                                                                                             \
    if (!current) return CUDA_ERROR_INVALID_CONTEXT

} // namespace

extern "C" {

// ---- device and context ----

CUresult cuInit(unsigned) { return CUDA_SUCCESS; }
CUresult cuDriverGetVersion(int *version) { *version = 13000; return CUDA_SUCCESS; }
CUresult cuDeviceGetCount(int *count) { *count = 1; return CUDA_SUCCESS; }
CUresult cuDeviceGet(CUdevice *out, int ordinal) { *out = 0; return ordinal == 0 ? CUDA_SUCCESS : CUDA_ERROR_INVALID_DEVICE; }
CUresult cuDeviceGetName(char *name, int size, CUdevice) { snprintf(name, size, "Emulated GPU"); return CUDA_SUCCESS; }
CUresult cuDeviceTotalMem(size_t *bytes, CUdevice) { *bytes = memory_total(); return CUDA_SUCCESS; }
CUresult cuDeviceGetUuid(CUuuid *uuid, CUdevice) { memcpy(uuid->bytes, "emulated gpu 000", 16); return CUDA_SUCCESS; }

CUresult cuDeviceGetAttribute(int *value, CUdevice_attribute attribute, CUdevice) {
    switch (attribute) {
    case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR: *value = 9; break;
    case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR: *value = 0; break;
    case CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT: *value = 132; break;
    case CU_DEVICE_ATTRIBUTE_WARP_SIZE: *value = 32; break;
    case CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK:
    case CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_X:
    case CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Y: *value = MAX_THREADS; break;
    case CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Z: *value = MAX_BLOCK_Z; break;
    case CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X: *value = 0x7fffffff; break;
    case CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Y:
    case CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Z: *value = MAX_GRID_YZ; break;
    case CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR: *value = 2048; break;
    case CU_DEVICE_ATTRIBUTE_MAX_BLOCKS_PER_MULTIPROCESSOR: *value = 32; break;
    case CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_BLOCK:
    case CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_MULTIPROCESSOR: *value = 65536; break;
    case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK: *value = STATIC_SHARED; break;
    case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN: *value = MAX_SHARED; break;
    case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR: *value = 228 << 10; break;
    case CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE: *value = 50 << 20; break;
    case CU_DEVICE_ATTRIBUTE_CLOCK_RATE: *value = 1980000; break;
    case CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED:
    case CU_DEVICE_ATTRIBUTE_UNIFIED_ADDRESSING: *value = 1; break;
    default: *value = 0;
    }
    return CUDA_SUCCESS;
}

CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice) { *context = (CUcontext)&the_context; return CUDA_SUCCESS; }
CUresult cuDevicePrimaryCtxRelease(CUdevice) { return CUDA_SUCCESS; }
CUresult cuCtxSetCurrent(CUcontext context) {
    if (context && context != (CUcontext)&the_context) return CUDA_ERROR_INVALID_CONTEXT;
    current = context;
    return CUDA_SUCCESS;
}
CUresult cuCtxGetCurrent(CUcontext *context) { *context = current; return CUDA_SUCCESS; }
CUresult cuCtxGetDevice(CUdevice *out) { *out = 0; return current ? CUDA_SUCCESS : CUDA_ERROR_INVALID_CONTEXT; }
CUresult cuCtxSynchronize() { return current ? CUDA_SUCCESS : CUDA_ERROR_INVALID_CONTEXT; }
CUresult cuCtxSetFlags(unsigned) { return CUDA_SUCCESS; }
CUresult cuCtxSetLimit(CUlimit, size_t) { return CUDA_SUCCESS; }
CUresult cuCtxSetCacheConfig(CUfunc_cache) { return CUDA_SUCCESS; }
CUresult cuCtxGetStreamPriorityRange(int *least, int *greatest) { *least = *greatest = 0; return CUDA_SUCCESS; }

static const ErrorText *find(CUresult code) {
    for (auto &e : errors)
        if (e.code == code) return &e;
    return nullptr;
}
CUresult cuGetErrorName(CUresult code, const char **out) {
    auto *e = find(code);
    *out = e ? e->name : "CUDA_ERROR_UNKNOWN";
    return CUDA_SUCCESS;
}
CUresult cuGetErrorString(CUresult code, const char **out) {
    auto *e = find(code);
    *out = e ? e->text : "unknown error";
    return CUDA_SUCCESS;
}

// ---- streams and events ----

CUresult cuStreamCreate(CUstream *stream, unsigned) {
    ENTER;
    // Never given back, so that a handle is never used twice.
    *stream = (CUstream)malloc(16);
    streams.insert(*stream);
    return CUDA_SUCCESS;
}
CUresult cuStreamCreateWithPriority(CUstream *stream, unsigned flags, int) { return cuStreamCreate(stream, flags); }
CUresult cuStreamDestroy(CUstream stream) {
    ENTER;
    check_stream(stream, "cuStreamDestroy");
    streams.erase(stream);
    return CUDA_SUCCESS;
}
CUresult cuStreamSynchronize(CUstream stream) {
    ENTER;
    check_stream(stream, "cuStreamSynchronize");
    return CUDA_SUCCESS;
}
CUresult cuStreamQuery(CUstream stream) { return cuStreamSynchronize(stream); }
CUresult cuStreamWaitEvent(CUstream stream, CUevent event, unsigned) {
    ENTER;
    check_stream(stream, "cuStreamWaitEvent");
    checked(event, "cuStreamWaitEvent");
    return CUDA_SUCCESS;
}
CUresult cuStreamIsCapturing(CUstream, CUstreamCaptureStatus *status) { *status = CU_STREAM_CAPTURE_STATUS_NONE; return CUDA_SUCCESS; }
CUresult cuLaunchHostFunc(CUstream stream, CUhostFn function, void *data) {
    check_stream(stream, "cuLaunchHostFunc");
    function(data);
    return CUDA_SUCCESS;
}

CUresult cuEventCreate(CUevent *event, unsigned flags) {
    ENTER;
    auto *e = new Event;
    e->timing = !(flags & CU_EVENT_DISABLE_TIMING);
    events.insert(e);
    *event = (CUevent)e;
    return CUDA_SUCCESS;
}
CUresult cuEventDestroy(CUevent event) {
    ENTER;
    auto *e = checked(event, "cuEventDestroy");
    events.erase(e);
    delete e;
    return CUDA_SUCCESS;
}
CUresult cuEventRecord(CUevent event, CUstream stream) {
    ENTER;
    check_stream(stream, "cuEventRecord");
    checked(event, "cuEventRecord")->time = now();
    return CUDA_SUCCESS;
}
CUresult cuEventSynchronize(CUevent event) {
    Lock lock(device);
    checked(event, "cuEventSynchronize");
    return CUDA_SUCCESS;
}
CUresult cuEventQuery(CUevent event) { return cuEventSynchronize(event); }
CUresult cuEventElapsedTime_v2(float *milliseconds, CUevent start, CUevent end) {
    Lock lock(device);
    auto *a = checked(start, "cuEventElapsedTime"), *b = checked(end, "cuEventElapsedTime");
    if (a->time < 0 || b->time < 0 || !a->timing || !b->timing) return CUDA_ERROR_INVALID_HANDLE;
    *milliseconds = (float)((b->time - a->time) * 1000);
    return CUDA_SUCCESS;
}
#undef cuEventElapsedTime
CUresult cuEventElapsedTime(float *milliseconds, CUevent start, CUevent end) { return cuEventElapsedTime_v2(milliseconds, start, end); }

// ---- memory ----

CUresult cuMemAlloc(CUdeviceptr *at, size_t size) {
    ENTER;
    if (!size) return CUDA_ERROR_INVALID_VALUE;
    return allocate((uintptr_t *)at, size);
}
// Unlike the above, nothing may be allocated from a pool: the answer is the null pointer.
CUresult cuMemAllocAsync(CUdeviceptr *at, size_t size, CUstream stream) {
    ENTER;
    check_stream(stream, "cuMemAllocAsync");
    *at = 0;
    return size ? allocate((uintptr_t *)at, size) : CUDA_SUCCESS;
}
CUresult cuMemFree(CUdeviceptr at) {
    ENTER;
    if (at) release(at);
    return CUDA_SUCCESS;
}
CUresult cuMemFreeAsync(CUdeviceptr at, CUstream stream) {
    check_stream(stream, "cuMemFreeAsync");
    return cuMemFree(at);
}
CUresult cuMemGetInfo(size_t *free, size_t *total) {
    ENTER;
    *total = memory_total();
    *free = *total - memory_used();
    return CUDA_SUCCESS;
}
CUresult cuMemHostAlloc(void **at, size_t size, unsigned) {
    ENTER;
    if (!size) return CUDA_ERROR_INVALID_VALUE;
    *at = aligned_alloc(4096, (size + 4095) / 4096 * 4096);
    memset(*at, 0xff, size);
    return CUDA_SUCCESS;
}
CUresult cuMemFreeHost(void *at) {
    ENTER;
    free(at);
    return CUDA_SUCCESS;
}

// Pools: one, which needs no trimming.
CUresult cuDeviceGetDefaultMemPool(CUmemoryPool *pool, CUdevice) { *pool = (CUmemoryPool)&the_context; return CUDA_SUCCESS; }
CUresult cuDeviceGetMemPool(CUmemoryPool *pool, CUdevice device) { return cuDeviceGetDefaultMemPool(pool, device); }
CUresult cuMemPoolSetAttribute(CUmemoryPool, CUmemPool_attribute, void *) { return CUDA_SUCCESS; }
CUresult cuMemPoolTrimTo(CUmemoryPool, size_t) { return CUDA_SUCCESS; }
CUresult cuMemPoolGetAttribute(CUmemoryPool, CUmemPool_attribute attribute, void *value) {
    Lock lock(device);
    switch (attribute) {
    case CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT:
    case CU_MEMPOOL_ATTR_USED_MEM_CURRENT: *(cuuint64_t *)value = memory_used(); return CUDA_SUCCESS;
    case CU_MEMPOOL_ATTR_RELEASE_THRESHOLD: *(cuuint64_t *)value = 0; return CUDA_SUCCESS;
    default: die("cuMemPoolGetAttribute of attribute %d is not emulated", attribute);
    }
}

// ---- copies ----

CUresult cuMemcpyHtoD_v2(CUdeviceptr to, const void *from, size_t size) {
    ENTER;
    check_host(from, size, "copy to the device");
    check_range((void *)to, size, "copy to the device");
    if (size) memcpy((void *)to, from, size);
    return CUDA_SUCCESS;
}
CUresult cuMemcpyDtoH_v2(void *to, CUdeviceptr from, size_t size) {
    ENTER;
    check_host(to, size, "copy from the device");
    check_range((void *)from, size, "copy from the device");
    if (size) memcpy(to, (void *)from, size);
    return CUDA_SUCCESS;
}
CUresult cuMemcpyDtoD_v2(CUdeviceptr to, CUdeviceptr from, size_t size) {
    ENTER;
    check_range((void *)from, size, "copy on the device (source)");
    check_range((void *)to, size, "copy on the device (destination)");
    if (to < from + size && from < to + size && size) die("copy on the device: %zu bytes overlap", size);
    if (size) memcpy((void *)to, (void *)from, size);
    return CUDA_SUCCESS;
}
CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr to, const void *from, size_t size, CUstream stream) {
    check_stream(stream, "cuMemcpyHtoDAsync");
    return cuMemcpyHtoD_v2(to, from, size);
}
CUresult cuMemcpyDtoHAsync_v2(void *to, CUdeviceptr from, size_t size, CUstream stream) {
    check_stream(stream, "cuMemcpyDtoHAsync");
    return cuMemcpyDtoH_v2(to, from, size);
}
CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr to, CUdeviceptr from, size_t size, CUstream stream) {
    check_stream(stream, "cuMemcpyDtoDAsync");
    return cuMemcpyDtoD_v2(to, from, size);
}
CUresult cuMemcpyPeerAsync(CUdeviceptr to, CUcontext, CUdeviceptr from, CUcontext, size_t size, CUstream stream) {
    return cuMemcpyDtoDAsync_v2(to, from, size, stream);
}

CUresult cuMemsetD8_v2(CUdeviceptr at, unsigned char value, size_t count) {
    ENTER;
    check_range((void *)at, count, "fill");
    if (count) memset((void *)at, value, count);
    return CUDA_SUCCESS;
}
CUresult cuMemsetD32_v2(CUdeviceptr at, unsigned value, size_t count) {
    ENTER;
    check_range((void *)at, count * 4, "fill");
    for (size_t i = 0; i < count; i++) ((unsigned *)at)[i] = value;
    return CUDA_SUCCESS;
}
CUresult cuMemsetD8Async(CUdeviceptr at, unsigned char value, size_t count, CUstream stream) {
    check_stream(stream, "cuMemsetD8Async");
    return cuMemsetD8_v2(at, value, count);
}
CUresult cuMemsetD32Async(CUdeviceptr at, unsigned value, size_t count, CUstream stream) {
    check_stream(stream, "cuMemsetD32Async");
    return cuMemsetD32_v2(at, value, count);
}

} // extern "C"
