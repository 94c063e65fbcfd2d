// Modules and launches. A module is PTX text; its kernels are run from the libraries that build.sh made of the same sources. The
// text says what to expect of a kernel: its parameters, limits and shared memory, and whether its threads wait for one another.
#include <dirent.h>
#include <dlfcn.h>
#include <execinfo.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <string_view>

#include "emu.h"

namespace emu {

std::recursive_mutex device;

namespace {

struct Host {
    const EmuKernel *kernel;
    EmuState *state;
};

struct Function {
    std::string name;
    Host host;
    bool waits;                // its threads wait for one another
    size_t shared;             // static shared memory
    std::vector<Span> places;  // where that is on the host
    size_t dynamic_limit;      // as set by cuFuncSetAttribute
    unsigned max_threads;      // of __launch_bounds__, or the device's
};

struct Module {
    std::map<std::string, Function> functions;
};

struct Library {
    std::map<std::string, Host> kernels;
    std::map<std::string, Span> statics; // static variables of functions, by mangled name
};
std::vector<Library> libraries;
std::map<std::string, std::pair<uint64_t, double>> totals;
uint64_t launches;

alignas(256) uint8_t dynamic_shared[MAX_SHARED + 64];
const Function *launched;

void load_libraries() {
    if (!libraries.empty()) return;
    Dl_info self;
    dladdr((void *)load_libraries, &self);
    char *real = realpath(self.dli_fname, nullptr);
    std::string folder = real;
    free(real);
    folder = folder.substr(0, folder.size() - 3) + ".kernels";
    DIR *dir = opendir(folder.c_str());
    if (!dir) die("%s is missing: run build.sh", folder.c_str());
    while (dirent *entry = readdir(dir)) {
        std::string name = entry->d_name;
        if (name.size() < 4 || name.compare(name.size() - 3, 3, ".so")) continue;
        void *library = dlopen((folder + "/" + name).c_str(), RTLD_NOW | RTLD_LOCAL);
        if (!library) die("%s", dlerror());
        auto *table = (const EmuLibrary *)dlsym(library, "emu_library");
        if (!table) die("%s has no table of kernels", name.c_str());
        table->state->block_barrier = barrier;
        table->state->warp = warp_operation;
        table->state->dynamic_shared = dynamic_shared;
        Library made;
        for (size_t i = 0; i < table->count; i++) made.kernels.emplace(table->kernels[i].name, Host{&table->kernels[i], table->state});
        Dl_info where;
        dladdr(table, &where);
        std::ifstream statics(folder + "/" + name.substr(0, name.size() - 3) + ".statics");
        size_t offset, size;
        for (std::string variable; statics >> std::hex >> offset >> size >> variable;)
            made.statics[variable] = Span{(uint8_t *)where.dli_fbase + offset, size};
        libraries.push_back(std::move(made));
    }
    closedir(dir);
}

// ---- PTX ----

bool word_char(char c) { return isalnum((unsigned char)c) || c == '_' || c == '$' || c == '.' || c == '%'; }

// The word of PTX at or after `at`, and past it.
std::string_view word(std::string_view text, size_t &at) {
    while (at < text.size() && !word_char(text[at])) at++;
    size_t start = at;
    while (at < text.size() && word_char(text[at])) at++;
    return text.substr(start, at - start);
}

size_t type_size(std::string_view type) {
    size_t digits = type.find_first_of("0123456789");
    return digits == std::string_view::npos ? 0 : strtoul(std::string(type.substr(digits)).c_str(), nullptr, 10) / 8;
}

// `.param .align 4 .b8 name[12]`, `.param .u64 .ptr .global .align 16 name`, `.shared .align 4 .b8 name[4096]`: the name, and the
// size that all elements together take.
std::pair<std::string, size_t> declaration(std::string_view text) {
    size_t at = 0, size = 0, bracket = text.find('[');
    std::string name;
    while (at < text.size() && at < bracket) {
        std::string_view w = word(text, at);
        if (w == ".align") word(text, at);
        else if (w.size() > 2 && w[0] == '.' && isdigit((unsigned char)w[2]) && !size) size = type_size(w);
        else if (!w.empty() && w[0] != '.') name = w;
    }
    if (bracket != std::string_view::npos) size *= strtoul(std::string(text.substr(bracket + 1)).c_str(), nullptr, 10);
    return {name, size};
}

bool waits_in(std::string_view body) {
    for (const char *what : {"bar.sync", "bar.red", "bar.warp", "barrier", "shfl.", "vote.", "match.", "redux."})
        if (body.find(what) != std::string_view::npos) return true;
    return false;
}

size_t after_braces(std::string_view text, size_t open) {
    int depth = 0;
    for (size_t at = open; at < text.size(); at++) {
        if (text[at] == '{') depth++;
        if (text[at] == '}' && --depth == 0) return at + 1;
    }
    die("the PTX text ends within a function");
}

struct Shared {
    std::string name;
    size_t size;
};

void read_shared(std::string_view text, std::vector<Shared> &out) {
    for (size_t at = 0; (at = text.find(".shared ", at)) != std::string_view::npos; at += 8) {
        // Declarations start a line; instructions (ld.shared) never have a space after `.shared` and an alignment.
        size_t line = text.rfind('\n', at), end = text.find(';', at);
        if (line != std::string_view::npos && text.substr(line + 1, at - line - 1).find_first_not_of(" \t") != std::string_view::npos) continue;
        auto [name, size] = declaration(text.substr(at, end - at));
        if (!name.empty()) out.push_back({name, size});
    }
}

// The library made of a module's source: the one that has most of its kernels. (Different modules may have kernels of one name.)
const Library &library_of(std::string_view text) {
    static const Library none;
    const Library *best = &none;
    size_t most = 0;
    for (auto &library : libraries) {
        size_t common = 0;
        for (size_t at = 0; (at = text.find(".entry", at)) != std::string_view::npos;) {
            at += strlen(".entry");
            common += library.kernels.count(std::string(word(text, at)));
        }
        if (common > most) best = &library, most = common;
    }
    return *best;
}

void read_entry(Module &module, const Library &library, std::string_view text, size_t at, bool callees_wait, const std::vector<Shared> &shared) {
    size_t open = text.find('(', at), close = text.find(')', open), body = text.find('{', close);
    size_t name_at = at + strlen(".entry");
    Function function = {std::string(word(text, name_at)), {}, false, 0, {}, 0, MAX_THREADS};
    const char *name = function.name.c_str();
    auto host = library.kernels.find(function.name);
    std::string_view code = text.substr(body, after_braces(text, body) - body);
    function.waits = waits_in(code) || (callees_wait && code.find("call") != std::string_view::npos);
    for (auto &s : shared)
        if (code.find(s.name) != std::string_view::npos) {
            function.shared += s.size;
            auto place = library.statics.find(s.name);
            if (place != library.statics.end()) function.places.push_back(place->second);
        }
    std::string_view head = text.substr(close, body - close);
    if (size_t limit = head.find(".maxntid"); limit != std::string_view::npos) {
        size_t number = limit + strlen(".maxntid");
        function.max_threads = 1;
        for (int axis = 0; axis < 3; axis++) {
            size_t before = number;
            std::string digits(word(head, number));
            if (digits.empty() || !isdigit((unsigned char)digits[0])) { number = before; break; }
            function.max_threads *= strtoul(digits.c_str(), nullptr, 10);
        }
    }
    // A kernel without a host function is an error only once it is asked for.
    if (host != library.kernels.end()) {
        function.host = host->second;
        std::vector<size_t> sizes;
        std::string_view list = text.substr(open + 1, close - open - 1);
        for (size_t start = 0; start < list.size();) {
            size_t comma = std::min(list.find(',', start), list.size());
            if (auto item = list.substr(start, comma - start); item.find(".param") != std::string_view::npos)
                sizes.push_back(declaration(item.substr(item.find(".param") + 6)).second);
            start = comma + 1;
        }
        const EmuKernel *kernel = function.host.kernel;
        if (sizes.size() != kernel->count) die("%s has %zu parameters in PTX and %u on the host: run build.sh", name, sizes.size(), kernel->count);
        for (size_t i = 0; i < sizes.size(); i++)
            if (sizes[i] != kernel->params[i].size)
                die("parameter %zu of %s has %zu bytes in PTX and %zu on the host: run build.sh", i, name, sizes[i], kernel->params[i].size);
    }
    std::string key = function.name;
    module.functions.emplace(key, std::move(function));
}

Module *read_module(std::string_view text) {
    if (text.find(".version") == std::string_view::npos) die("a module that is no PTX text (a cubin?)");
    auto *module = new Module;
    const Library &library = library_of(text);
    std::vector<Shared> shared;
    read_shared(text, shared);
    // Functions that were not put into their callers: whoever calls may wait if any of them does.
    bool callees_wait = false;
    for (size_t at = 0; (at = text.find(".func", at)) != std::string_view::npos; at += 5) {
        size_t semicolon = text.find(';', at), open = text.find('{', at);
        if (open == std::string_view::npos || semicolon < open) continue; // declared only
        callees_wait |= waits_in(text.substr(open, after_braces(text, open) - open));
    }
    for (size_t at = 0; (at = text.find(".entry", at)) != std::string_view::npos; at += 6) read_entry(*module, library, text, at, callees_wait, shared);
    return module;
}

// ---- faults in kernels ----

void on_fault(int number, siginfo_t *info, void *) {
    if (launched && number == SIGILL) fprintf(stderr, "emulated-gpu: %s: a misaligned access, or an index outside of an array\n", running().c_str());
    else if (launched) fprintf(stderr, "emulated-gpu: %s: access fault at %p: %s\n", running().c_str(), info->si_addr, describe((uintptr_t)info->si_addr).c_str());
    signal(number, SIG_DFL); // then the fault happens again and ends the program
}

void report() {
    report_memory();
    report_launches();
}

void watch_once() {
    static bool done;
    if (done) return;
    done = true;
    struct sigaction action = {};
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    for (int number : {SIGSEGV, SIGBUS, SIGILL}) sigaction(number, &action, nullptr);
    if (option("EMULATED_GPU_STATS")) atexit(report);
}

double now() {
    timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec * 1e-9;
}

void launch(Function &f, EmuDim grid, EmuDim block, size_t dynamic, void **params) {
    const char *name = f.name.c_str();
    if (!f.host.kernel) die("kernel %s is in none of the host libraries: give its source to build.sh", name);
    if (!grid.x || !grid.y || !grid.z) die("%s: a grid of %ux%ux%u blocks (a GPU answers CUDA_ERROR_INVALID_VALUE)", name, grid.x, grid.y, grid.z);
    if (grid.x > 0x7fffffff || grid.y > MAX_GRID_YZ || grid.z > MAX_GRID_YZ) die("%s: a grid of %ux%ux%u blocks is over the limit", name, grid.x, grid.y, grid.z);
    uint64_t threads = (uint64_t)block.x * block.y * block.z;
    if (!threads) die("%s: a block of %ux%ux%u threads", name, block.x, block.y, block.z);
    if (threads > MAX_THREADS || block.z > MAX_BLOCK_Z) die("%s: a block of %ux%ux%u threads is over the limit of %u", name, block.x, block.y, block.z, MAX_THREADS);
    if (threads > f.max_threads) die("%s: %llu threads per block, over its launch bound %u", name, (unsigned long long)threads, f.max_threads);
    if (f.shared > STATIC_SHARED) die("%s: %zu bytes of static shared memory, over the limit of %zu", name, f.shared, STATIC_SHARED);
    size_t limit = f.dynamic_limit ? f.dynamic_limit : STATIC_SHARED - f.shared;
    if (dynamic > limit || f.shared + dynamic > MAX_SHARED)
        die("%s: %zu bytes of static and %zu of dynamic shared memory, over the limit (%zu dynamic unless cuFuncSetAttribute raises it)", name, f.shared, dynamic, limit);
    const EmuKernel &kernel = *f.host.kernel;
    if (kernel.count && !params) die("%s: launched without parameters", name);
    for (unsigned i = 0; i < kernel.count; i++) {
        if (!params[i]) die("%s: parameter %u is missing", name, i);
        uintptr_t at;
        if (!kernel.params[i].pointer) continue;
        memcpy(&at, params[i], sizeof at);
        if (at && !is_device(at)) die("%s: parameter %u is the pointer %p, which is not live device memory: %s", name, i, (void *)at, describe(at).c_str());
    }

    EmuState &state = *f.host.state;
    state.grid_dim = grid;
    state.block_dim = block;
    memset(dynamic_shared + dynamic, 0xa5, 64);
    launched = &f;
    // Blocks and threads have no order: it changes from launch to launch, so that a dependence on it shows.
    const bool backwards = launches++ & 1;
    double start = now();
    if (f.waits) {
        std::vector<Span> shared = f.places;
        if (dynamic) shared.push_back({dynamic_shared, dynamic});
        run_with_fibers(kernel, state, params, backwards, shared);
    } else {
        kernel.grid(params, backwards);
    }
    for (int i = 0; i < 64; i++)
        if (dynamic_shared[dynamic + i] != 0xa5) die("%s: a write past the end of the dynamic shared memory", name);
    launched = nullptr;
    auto &total = totals[f.name];
    total.first++;
    total.second += now() - start;
    // EMULATED_GPU_CHECK=1: look for writes outside of allocations after every launch instead of only when memory is freed.
    static const bool check = option("EMULATED_GPU_CHECK"), trace = option("EMULATED_GPU_TRACE");
    if (check) check_red_zones(f.name);
    if (trace) fprintf(stderr, "emulated-gpu: %s <<<%ux%ux%u, %ux%ux%u, %zu>>>%s\n", name, grid.x, grid.y, grid.z, block.x, block.y, block.z, dynamic, f.waits ? " fibers" : "");
}

} // namespace

bool option(const char *name) {
    const char *text = getenv(name);
    return text && *text && strcmp(text, "0");
}

void die(const char *format, ...) {
    char message[1000];
    va_list list;
    va_start(list, format);
    vsnprintf(message, sizeof message, format, list);
    va_end(list);
    fprintf(stderr, "emulated-gpu: %s\n", message);
    // Addresses for addr2line; an optimised program without debugging information shows only its functions.
    void *frames[40];
    backtrace_symbols_fd(frames, backtrace(frames, 40), STDERR_FILENO);
    abort();
}

std::string running() {
    if (!launched) return "";
    const EmuState &s = *launched->host.state;
    char text[300];
    snprintf(text, sizeof text, "%s, block %u,%u,%u of %ux%ux%u, thread %u,%u,%u of %ux%ux%u", launched->name.c_str(), s.block.x, s.block.y, s.block.z,
             s.grid_dim.x, s.grid_dim.y, s.grid_dim.z, s.thread.x, s.thread.y, s.thread.z, s.block_dim.x, s.block_dim.y, s.block_dim.z);
    return text;
}

void report_launches() {
    std::vector<std::pair<std::string, std::pair<uint64_t, double>>> rows(totals.begin(), totals.end());
    std::sort(rows.begin(), rows.end(), [](auto &a, auto &b) { return a.second.second > b.second.second; });
    for (auto &row : rows) fprintf(stderr, "emulated-gpu: %9llu launches %8.3f s  %s\n", (unsigned long long)row.second.first, row.second.second, row.first.c_str());
}

} // namespace emu

using namespace emu;

extern "C" {

CUresult cuModuleLoadData(CUmodule *module, const void *image) {
    Lock lock(device);
    watch_once();
    load_libraries();
    *module = (CUmodule)read_module((const char *)image);
    return CUDA_SUCCESS;
}
CUresult cuModuleLoadDataEx(CUmodule *module, const void *image, unsigned, CUjit_option *, void **) { return cuModuleLoadData(module, image); }

// Functions outlive their module here: the program may hold them, and there are few modules.
CUresult cuModuleUnload(CUmodule) { return CUDA_SUCCESS; }

CUresult cuModuleGetFunction(CUfunction *function, CUmodule module, const char *name) {
    Lock lock(device);
    auto &functions = ((Module *)module)->functions;
    auto it = functions.find(name);
    if (it == functions.end()) {
        fprintf(stderr, "emulated-gpu: the module has no kernel %s\n", name);
        return CUDA_ERROR_NOT_FOUND;
    }
    if (!it->second.host.kernel) die("kernel %s is in none of the host libraries: give its source to build.sh", name);
    *function = (CUfunction)&it->second;
    return CUDA_SUCCESS;
}

CUresult cuLaunchKernel(CUfunction function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared,
                        CUstream, void **params, void **extra) {
    Lock lock(device);
    auto &f = *(Function *)function;
    if (extra) die("%s: launch parameters in a buffer are not emulated", f.name.c_str());
    CUcontext context;
    if (cuCtxGetCurrent(&context) != CUDA_SUCCESS || !context) return CUDA_ERROR_INVALID_CONTEXT;
    launch(f, {gx, gy, gz}, {bx, by, bz}, shared, params);
    return CUDA_SUCCESS;
}

CUresult cuFuncGetAttribute(int *value, CUfunction_attribute attribute, CUfunction function) {
    auto &f = *(Function *)function;
    switch (attribute) {
    case CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK: *value = f.max_threads; break;
    case CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES: *value = f.shared; break;
    case CU_FUNC_ATTRIBUTE_NUM_REGS: *value = 32; break;
    case CU_FUNC_ATTRIBUTE_PTX_VERSION:
    case CU_FUNC_ATTRIBUTE_BINARY_VERSION: *value = 90; break;
    case CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES: *value = f.dynamic_limit ? f.dynamic_limit : STATIC_SHARED - f.shared; break;
    default: *value = 0;
    }
    return CUDA_SUCCESS;
}

CUresult cuFuncSetAttribute(CUfunction function, CUfunction_attribute attribute, int value) {
    Lock lock(device);
    auto &f = *(Function *)function;
    if (attribute == CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES) {
        if (value < 0 || f.shared + value > MAX_SHARED) return CUDA_ERROR_INVALID_VALUE;
        f.dynamic_limit = value;
    }
    return CUDA_SUCCESS;
}
CUresult cuFuncSetCacheConfig(CUfunction, CUfunc_cache) { return CUDA_SUCCESS; }

CUresult cuOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, CUfunction function, int block, size_t dynamic) {
    auto &f = *(Function *)function;
    if (block <= 0) return CUDA_ERROR_INVALID_VALUE;
    size_t by_threads = 2048 / block, by_shared = f.shared + dynamic ? (228 << 10) / (f.shared + dynamic + 1024) : 32;
    *blocks = (unsigned)block > f.max_threads ? 0 : std::min({by_threads, by_shared, (size_t)32});
    return CUDA_SUCCESS;
}
CUresult cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int *blocks, CUfunction function, int block, size_t dynamic, unsigned) {
    return cuOccupancyMaxActiveBlocksPerMultiprocessor(blocks, function, block, dynamic);
}
CUresult cuOccupancyMaxPotentialBlockSize(int *grid, int *block, CUfunction function, CUoccupancyB2DSize, size_t, int limit) {
    auto &f = *(Function *)function;
    *block = limit && (unsigned)limit < f.max_threads ? limit : f.max_threads;
    *grid = 132 * 2;
    return CUDA_SUCCESS;
}

void emu_missing(const char *name) { die("%s is called and not emulated", name); }

} // extern "C"
