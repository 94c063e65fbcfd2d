// What the parts of the core share.
#pragma once
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include <cuda.h>

#include "abi.h"

namespace emu {

// The emulated device: an H100's limits, since the real one of them is what the program has to fit.
constexpr unsigned MAX_THREADS = 1024, MAX_GRID_YZ = 65535, MAX_BLOCK_Z = 64;
constexpr size_t STATIC_SHARED = 48 << 10, MAX_SHARED = 227 << 10;

// One call at a time: the device, the allocations and the kernels' states are shared by the program's threads.
extern std::recursive_mutex device;
typedef std::lock_guard<std::recursive_mutex> Lock;

// Ends the program with a message: for misuse that a GPU might let pass or report much later.
[[noreturn]] __attribute__((format(printf, 1, 2))) void die(const char *format, ...);
bool option(const char *name); // an environment variable that is set and neither empty nor 0

// ---- memory.cpp ----
CUresult allocate(uintptr_t *at, size_t size);
void release(uintptr_t at);
void check_range(const void *at, size_t size, const char *what); // dies unless it lies in one live allocation
std::string describe(uintptr_t at);                              // the allocation around an address, in words
bool is_device(uintptr_t at);                                    // in a live allocation or just past its end
void check_red_zones(const std::string &after);
size_t memory_used();
size_t memory_total();
void report_memory();

// ---- fibers.cpp ----
// Runs every block of a launch, one fiber per thread, switching at barriers and warp operations. `shared` is the shared memory.
struct Span {
    void *at;
    size_t size;
};
void run_with_fibers(const EmuKernel &kernel, EmuState &state, void **params, bool backwards, const std::vector<Span> &shared);
void barrier();
uint64_t warp_operation(EmuWarpOp op, unsigned mask, uint64_t value, unsigned source);

// ---- modules.cpp ----
std::string running(); // the running kernel's name and thread, or nothing
void report_launches();

} // namespace emu
