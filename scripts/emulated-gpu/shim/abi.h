// What the core library and the kernel libraries know of each other. A kernel library is one .cu source compiled for the host:
// it exports `emu_library` and nothing else, so that equally named functions of two sources never meet.
#pragma once
#include <cstddef>
#include <cstdint>

struct EmuDim {
    unsigned x, y, z;
};

enum EmuWarpOp { EMU_WARP_SYNC, EMU_WARP_SHUFFLE, EMU_WARP_BALLOT };

// Where the running thread is, and the core's services that a kernel can call. One per kernel library, filled in by the core.
struct EmuState {
    EmuDim thread, block, block_dim, grid_dim;
    void *dynamic_shared;
    void (*block_barrier)();
    // Waits for every thread of `mask`; answers with the value of thread `source` (shuffle) or a mask of votes (ballot).
    uint64_t (*warp)(EmuWarpOp op, unsigned mask, uint64_t value, unsigned source);
};

struct EmuParam {
    size_t size;
    bool pointer;
};

struct EmuKernel {
    const char *name;
    void (*grid)(void **params, bool backwards); // every thread of every block, one after another
    void (*thread)(void **params);               // the one thread that EmuState names
    unsigned count;
    const EmuParam *params;
};

struct EmuLibrary {
    EmuState *state;
    const EmuKernel *kernels;
    size_t count;
};
