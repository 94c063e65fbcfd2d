// Included after a .cu source: makes a table of its kernels. The compiler knows each kernel's parameters, so it writes the call
// from the launch's array of pointers, with the calling convention, alignment and types right by construction.
#pragma once
#include <utility>

template <auto F> struct EmuEntry;
template <typename... A, void (*F)(A...)> struct EmuEntry<F> {
    template <size_t... I> static void call(void **params, std::index_sequence<I...>) {
        F(*static_cast<std::remove_cv_t<A> *>(params[I])...);
    }
    static void thread(void **params) { call(params, std::index_sequence_for<A...>{}); }

    static EmuDim place(uint64_t i, EmuDim extent) {
        return {(unsigned)(i % extent.x), (unsigned)(i / extent.x % extent.y), (unsigned)(i / extent.x / extent.y)};
    }
    static void grid(void **params, bool backwards) {
        EmuState &state = emu_state;
        const EmuDim g = state.grid_dim, b = state.block_dim;
        const uint64_t blocks = (uint64_t)g.x * g.y * g.z, threads = (uint64_t)b.x * b.y * b.z;
        for (uint64_t i = 0; i < blocks; i++) {
            state.block = place(backwards ? blocks - 1 - i : i, g);
            for (uint64_t t = 0; t < threads; t++) {
                state.thread = place(backwards ? threads - 1 - t : t, b);
                call(params, std::index_sequence_for<A...>{});
            }
        }
    }
    static constexpr EmuParam params[] = {{sizeof(A), std::is_pointer_v<A>}..., {0, false}};
    static constexpr EmuKernel kernel(const char *name) { return {name, grid, thread, (unsigned)sizeof...(A), params}; }
};

#define EMU_KERNEL(NAME) EmuEntry<&NAME>::kernel(#NAME),
static const EmuKernel emu_kernels[] = {
#include EMU_KERNEL_LIST
};
extern "C" __attribute__((visibility("default"))) const EmuLibrary emu_library = {&emu_state, emu_kernels,
                                                                               sizeof emu_kernels / sizeof *emu_kernels};
