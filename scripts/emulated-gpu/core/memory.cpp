// Device memory: ordinary memory of the process, with every address that the program gives checked against the live allocations.
//
// Fresh memory is all ones (not a number in every floating-point format), so that a result computed from uninitialised memory
// shows. Red zones stand on both sides of an allocation; freed memory is kept for a while, and both are checked for writes.
#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <iterator>
#include <map>

#include "emu.h"

namespace emu {
namespace {

constexpr size_t ALIGNMENT = 256, FRONT = 256, RED = 64, PAGE = 4096, QUARANTINE = 64 << 20;
constexpr uint8_t FRESH = 0xff, ZONE = 0xa5, FREED = 0xfd;

struct Allocation {
    size_t size;
    uint8_t *base; // start of the mapping or of malloc's block
    size_t mapped; // size of the mapping, 0 for malloc's
    uint64_t number;
};

std::map<uintptr_t, Allocation> live;
std::deque<std::pair<uintptr_t, Allocation>> freed;
size_t used, peak, freed_bytes;
uint64_t count;

// EMULATED_GPU_GUARD=1: an unreadable page follows each allocation, so that a kernel's access past the end faults on the spot
// (up to 15 bytes late, for alignment). Slower, and limited by the kernel's number of mappings.
bool guarded() {
    static const bool on = option("EMULATED_GPU_GUARD");
    return on;
}

const uint8_t *first_other(const uint8_t *at, size_t size, uint8_t value) {
    for (size_t i = 0; i < size; i++)
        if (at[i] != value) return at + i;
    return nullptr;
}

void zones(uintptr_t at, const Allocation &a, void (*visit)(uint8_t *, size_t)) {
    visit((uint8_t *)at - RED, RED);
    uint8_t *end = (uint8_t *)at + a.size;
    visit(end, a.mapped ? (size_t)(a.base + a.mapped - PAGE - end) : RED);
}

void check_zones(uintptr_t at, const Allocation &a, const std::string &when) {
    static uint8_t *bad;
    bad = nullptr;
    zones(at, a, [](uint8_t *zone, size_t size) {
        if (auto *other = first_other(zone, size, ZONE)) bad = (uint8_t *)other;
    });
    if (bad)
        die("%s: a write outside of an allocation: byte %td of allocation %llu with %zu bytes", when.c_str(), bad - (uint8_t *)at,
            (unsigned long long)a.number, a.size);
}

void dispose(uintptr_t at, const Allocation &a) {
    if (auto *other = first_other((uint8_t *)at, a.size, FREED))
        die("a write to freed memory: byte %td of former allocation %llu with %zu bytes", other - (uint8_t *)at,
            (unsigned long long)a.number, a.size);
    if (a.mapped) munmap(a.base, a.mapped);
    else free(a.base);
}

std::map<uintptr_t, Allocation>::iterator around(uintptr_t at) {
    auto next = live.upper_bound(at);
    if (next == live.begin()) return live.end();
    auto it = std::prev(next);
    return at <= it->first + it->second.size ? it : live.end();
}

} // namespace

size_t memory_used() { return used; }
// EMULATED_GPU_MEMORY=N: the device's memory in MiB, for tests of how the program meets the end of it.
size_t memory_total() {
    static const size_t total = [] {
        const char *text = getenv("EMULATED_GPU_MEMORY");
        return (text ? strtoull(text, nullptr, 10) : 8192) << 20;
    }();
    return total;
}

CUresult allocate(uintptr_t *at, size_t size) {
    if (size > memory_total() - used) return CUDA_ERROR_OUT_OF_MEMORY;
    Allocation a = {size, nullptr, 0, ++count};
    if (guarded()) {
        size_t room = (RED + size + 15) / 16 * 16;
        a.mapped = (room + PAGE - 1) / PAGE * PAGE + PAGE;
        a.base = (uint8_t *)mmap(nullptr, a.mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (a.base == MAP_FAILED) die("mmap of %zu bytes failed (too many mappings for EMULATED_GPU_GUARD?)", a.mapped);
        uint8_t *end = a.base + a.mapped - PAGE;
        mprotect(end, PAGE, PROT_NONE);
        *at = (uintptr_t)(end - (size + 15) / 16 * 16);
    } else {
        a.base = (uint8_t *)aligned_alloc(ALIGNMENT, (FRONT + size + RED + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
        if (!a.base) die("the process is out of memory");
        *at = (uintptr_t)a.base + FRONT;
    }
    memset((void *)*at, FRESH, size);
    zones(*at, a, [](uint8_t *zone, size_t bytes) { memset(zone, ZONE, bytes); });
    live.emplace(*at, a);
    used += size;
    if (used > peak) peak = used;
    return CUDA_SUCCESS;
}

void release(uintptr_t at) {
    auto it = live.find(at);
    if (it == live.end()) {
        for (auto &old : freed)
            if (old.first == at) die("freed twice: former allocation %llu with %zu bytes", (unsigned long long)old.second.number, old.second.size);
        die("freeing %p, which no allocation starts at: %s", (void *)at, describe(at).c_str());
    }
    Allocation a = it->second;
    check_zones(at, a, "freeing");
    live.erase(it);
    used -= a.size;
    memset((void *)at, FREED, a.size);
    freed.emplace_back(at, a);
    freed_bytes += a.size;
    while (freed_bytes > QUARANTINE || freed.size() > 4096) {
        auto old = freed.front();
        freed.pop_front();
        freed_bytes -= old.second.size;
        dispose(old.first, old.second);
    }
}

void check_range(const void *start, size_t size, const char *what) {
    if (size == 0) return;
    uintptr_t at = (uintptr_t)start;
    auto it = around(at);
    if (it == live.end() || at + size > it->first + it->second.size)
        die("%s: %zu bytes at %p are not all in a live allocation: %s", what, size, start, describe(at).c_str());
}

bool is_device(uintptr_t at) { return around(at) != live.end(); }

std::string describe(uintptr_t at) {
    char text[200];
    auto say = [&](const char *state, uintptr_t start, const Allocation &a) {
        snprintf(text, sizeof text, "byte %lld of %s allocation %llu with %zu bytes", (long long)(at - start), state,
                 (unsigned long long)a.number, a.size);
        return std::string(text);
    };
    auto it = around(at);
    if (it != live.end()) return say("live", it->first, it->second);
    for (auto &old : freed)
        if (at >= old.first && at <= old.first + old.second.size) return say("freed", old.first, old.second);
    auto next = live.upper_bound(at);
    if (next != live.begin()) {
        auto before = std::prev(next);
        if (at - before->first < before->second.size + (1 << 20)) return say("(past the end of) live", before->first, before->second);
    }
    return "no device memory near";
}

void check_red_zones(const std::string &after) {
    for (auto &entry : live) check_zones(entry.first, entry.second, after);
}

void report_memory() {
    fprintf(stderr, "emulated-gpu: %llu allocations, %zu live (%zu bytes), peak %zu bytes\n", (unsigned long long)count, live.size(), used, peak);
}

} // namespace emu
