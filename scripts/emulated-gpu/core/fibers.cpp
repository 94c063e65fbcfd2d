// Blocks whose threads wait for one another: each thread is a fiber with a stack of its own, and all run on the calling thread.
#include <sys/mman.h>

#include <cstdio>
#include <cstring>

#include "emu.h"

// Saves the callee-saved registers on the running stack, leaves its pointer in *save, and goes on where `load` was saved.
asm(R"(
    .text
    .globl emu_switch
    .hidden emu_switch
    .type emu_switch, @function
emu_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
    .size emu_switch, . - emu_switch
)");
extern "C" __attribute__((visibility("hidden"))) void emu_switch(void **save, void *load);

namespace emu {
namespace {

constexpr size_t STACK = 128 << 10, GUARD = 4096;

enum Status : uint8_t { READY, AT_BARRIER, AT_WARP, DONE };

struct WarpCall {
    EmuWarpOp op;
    unsigned mask, source;
    uint64_t value;
};

// Of each fiber; what a switch needs lies close together, since switches are most of what a block costs.
void *stack_pointers[MAX_THREADS];
Status statuses[MAX_THREADS];
EmuDim places[MAX_THREADS];
WarpCall calls[MAX_THREADS];

uint8_t *stacks;
void *scheduler;
const EmuKernel *kernel;
EmuState *state;
void **params;
bool inside; // a fiber runs

// A pass over a block's threads: `left` of them are to come, at `next` and on from there by `step`.
unsigned threads, current, next, left;
int step;
unsigned in_warp, ended; // threads that wait in a warp operation, and that have ended

inline unsigned after(unsigned index) {
    index += step;
    return index < threads ? index : step > 0 ? 0 : threads - 1;
}

// Goes on with the pass's next thread that can run, or with the scheduler: straight from thread to thread.
inline __attribute__((always_inline)) void go_on(void **save) {
    while (left) {
        const unsigned index = next;
        left--;
        next = after(index);
        if (statuses[index] != READY) continue;
        // The stacks of a block hardly fit into the first cache; the next one's comes while this thread runs.
        const uint8_t *coming = (const uint8_t *)stack_pointers[next];
        __builtin_prefetch(coming);
        __builtin_prefetch(coming + 64);
        __builtin_prefetch(coming + 128);
        current = index;
        state->thread = places[index];
        return emu_switch(save, stack_pointers[index]);
    }
    inside = false;
    if (save != &scheduler) emu_switch(save, scheduler);
}

inline __attribute__((always_inline)) void pause(Status status) {
    statuses[current] = status;
    go_on(&stack_pointers[current]);
}

void fiber_main() {
    kernel->thread(params);
    ended++;
    pause(DONE);
    __builtin_unreachable();
}

void prepare(unsigned index, EmuDim thread) {
    // At different offsets into their pages: they would otherwise share the few places that a cache has for one offset.
    uint8_t *top = stacks + (size_t)(index + 1) * STACK - index % 13 * 320;
    void **slot = (void **)top - 2; // fiber_main is entered as by a call: the stack pointer is 8 off a multiple of 16
    *slot = (void *)fiber_main;
    slot -= 6;
    memset(slot, 0, 6 * sizeof *slot);
    stack_pointers[index] = slot;
    statuses[index] = READY;
    places[index] = thread;
}

// Completes the warp operations of one warp of which all threads have come; says whether there was one.
bool complete_warp(unsigned first, unsigned size) {
    const Status *status = statuses + first;
    WarpCall *warp = calls + first;
    bool any = false;
    for (unsigned lane = 0; lane < size; lane++) {
        if (status[lane] != AT_WARP) continue;
        const unsigned mask = warp[lane].mask;
        const EmuWarpOp op = warp[lane].op;
        if (!(mask >> lane & 1)) die("%s: lane %u is not in its own warp mask %08x", running().c_str(), lane, mask);
        bool complete = true;
        unsigned members = 0, votes = 0;
        // Lanes that have ended or never were (a block with a broken last warp) are not waited for.
        for (unsigned other = 0; other < size; other++) {
            if (!(mask >> other & 1) || status[other] == DONE) continue;
            members |= 1u << other;
            if (status[other] != AT_WARP || warp[other].mask != mask || warp[other].op != op) complete = false;
            else if (warp[other].value) votes |= 1u << other;
        }
        if (!complete) continue;
        uint64_t values[32];
        for (unsigned other = 0; other < size; other++) values[other] = warp[other].value;
        for (unsigned other = 0; other < size; other++) {
            if (!(members >> other & 1)) continue;
            // What a lane that takes no part would give is undefined: all ones shows in the result.
            unsigned from = warp[other].source % 32;
            if (op == EMU_WARP_SHUFFLE) warp[other].value = members >> from & 1 ? values[from] : ~0ull;
            if (op == EMU_WARP_BALLOT) warp[other].value = votes;
            statuses[first + other] = READY;
            in_warp--;
        }
        any = true;
    }
    return any;
}

void run_block(uint32_t &dice) {
    const EmuDim b = state->block_dim;
    for (unsigned i = 0; i < threads; i++) prepare(i, {i % b.x, i / b.x % b.y, i / b.x / b.y});
    in_warp = ended = 0;
    for (;;) {
        // Threads have no order between barriers: it changes, so that a missing barrier changes the result.
        dice = dice * 1664525 + 1013904223;
        step = dice >> 31 ? 1 : -1;
        next = (dice >> 8) % threads;
        left = threads;
        inside = true;
        go_on(&scheduler);
        if (in_warp) {
            bool any = false;
            for (unsigned first = 0; first < threads; first += 32) any |= complete_warp(first, threads - first < 32 ? threads - first : 32);
            if (any) continue;
            die("%s: %u threads wait in a warp operation for threads that do not come (%u wait at a barrier, %u have ended)", running().c_str(), in_warp,
                threads - ended - in_warp, ended);
        }
        if (ended == threads) return;
        // A GPU does not count ended threads at a barrier, so this works there; it is still worth knowing.
        static bool told;
        if (ended && !told) {
            told = true;
            fprintf(stderr, "emulated-gpu: note: %s: %u threads ended before a barrier that the others wait at\n", running().c_str(), ended);
        }
        for (unsigned i = 0; i < threads; i++)
            if (statuses[i] == AT_BARRIER) statuses[i] = READY;
    }
}

} // namespace

void barrier() {
    if (__builtin_expect(!inside, false)) die("%s: a barrier in a kernel that by its PTX has none", running().c_str());
    pause(AT_BARRIER);
}

uint64_t warp_operation(EmuWarpOp op, unsigned mask, uint64_t value, unsigned source) {
    if (!inside) die("%s: a warp operation in a kernel that by its PTX has none", running().c_str());
    WarpCall &call = calls[current];
    call = {op, mask, source, value};
    in_warp++;
    pause(AT_WARP);
    return call.value;
}

void run_with_fibers(const EmuKernel &k, EmuState &s, void **p, bool backwards, const std::vector<Span> &shared) {
    if (!stacks) {
        stacks = (uint8_t *)mmap(nullptr, MAX_THREADS * STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (stacks == MAP_FAILED) die("no memory for the fibers' stacks");
        for (unsigned i = 0; i < MAX_THREADS; i++) mprotect(stacks + i * STACK, GUARD, PROT_NONE);
    }
    kernel = &k;
    state = &s;
    params = p;
    const EmuDim g = s.grid_dim, b = s.block_dim;
    threads = b.x * b.y * b.z;
    const uint64_t blocks = (uint64_t)g.x * g.y * g.z;
    uint32_t dice = 12345;
    for (uint64_t i = 0; i < blocks; i++) {
        uint64_t at = backwards ? blocks - 1 - i : i;
        s.block = {(unsigned)(at % g.x), (unsigned)(at / g.x % g.y), (unsigned)(at / g.x / g.y)};
        // A block finds nothing of use in shared memory.
        for (auto &span : shared) memset(span.at, 0xff, span.size);
        run_block(dice);
    }
}

} // namespace emu
