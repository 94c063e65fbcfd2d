//! With the feature `cuda`: compiles the kernels of `src/ops/cuda` to PTX, which the driver compiles for the GPU it finds.

use std::path::PathBuf;
use std::process::Command;

/// The oldest GPUs that have bfloat16 (Ampere).
const ARCHITECTURE: &str = "compute_80";
const KERNELS: &str = "src/ops/cuda/kernels.cu";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={KERNELS}");
    println!("cargo::rerun-if-env-changed=CUDA_HOME");
    if std::env::var_os("CARGO_FEATURE_CUDA").is_none() {
        return;
    }
    let nvcc = std::env::var_os("CUDA_HOME")
        .map_or_else(|| PathBuf::from("nvcc"), |home| PathBuf::from(home).join("bin/nvcc"));
    let output = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")).join("kernels.ptx");
    let arguments = ["-ptx", "-std=c++17", "-O3", "-arch", ARCHITECTURE, "-o"];
    let status = Command::new(&nvcc).args(arguments).arg(&output).arg(KERNELS).status();
    assert!(
        status.as_ref().is_ok_and(std::process::ExitStatus::success),
        "{} could not compile {KERNELS} ({status:?}): set CUDA_HOME to a CUDA toolkit 12 or later, or build by `make cuda`",
        nvcc.display()
    );
}
