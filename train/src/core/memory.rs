//! Keeps freed memory for the next step.
//!
//! A training step frees and asks anew for gigabytes in blocks of tens of megabytes. By default the C library gives such
//! blocks back to the kernel, which clears every page again at the next step: a tenth of a step's time on idle cores, a
//! quarter on busy ones (docs/results/step_memory.csv).

/// Tells the C library to keep what is freed, for this process and from now on: for a process that does nothing but train.
/// To be called before threads start that allocate. Where the C library is another than glibc nothing happens.
pub fn keep_freed() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        // One arena, because those of further threads give back whole heaps of 64 MiB; no blocks of their own from the
        // kernel; no trimming (-1 is the manual's word for never).
        let settings =
            [(libc::M_ARENA_MAX, 1), (libc::M_MMAP_MAX, 0), (libc::M_TRIM_THRESHOLD, -1), (libc::M_TOP_PAD, 1 << 28)];
        for (what, value) in settings {
            // SAFETY: takes two numbers, locks the allocator's state itself, and refuses what it does not know.
            let accepted = unsafe { libc::mallopt(what, value) };
            if accepted == 0 {
                tracing::debug!(what, value, "the allocator does not take this setting; training is slower, not wrong");
            }
        }
    }
}
