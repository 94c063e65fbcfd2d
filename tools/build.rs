//! Puts the example into the program: the photo and the SKU images of `examples/`, as a table in `$OUT_DIR/example.rs`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let examples =
        Path::new(&env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("../examples").canonicalize()?;
    let skus = examples.join("skus");
    println!("cargo::rerun-if-changed={}", examples.display());
    let mut table = format!("const PHOTO: &[u8] = include_bytes!({:?});\n", examples.join("shelf.jpg"));
    table += "const SKUS: &[ExampleSku<'static>] = &[\n";
    for folder in sorted(&skus)? {
        let code = folder.file_name().expect("it was listed").to_string_lossy();
        let images: Vec<String> = sorted(&folder)?.iter().map(|file| format!("include_bytes!({file:?})")).collect();
        writeln!(table, "    ExampleSku {{ code: {code:?}, images: &[{}] }},", images.join(", "))
            .expect("a string takes it");
    }
    table += "];\n";
    fs::write(Path::new(&env::var_os("OUT_DIR").expect("cargo sets it")).join("example.rs"), table)
}

/// By name, so that the program is the same wherever it is built.
fn sorted(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}
