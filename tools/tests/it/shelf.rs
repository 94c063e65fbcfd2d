//! Running the real binary on real images.

#[path = "../../../vision/tests/shared/data.rs"]
mod development;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// A file or folder of the development data, wherever a command runs; `None`, said aloud, where it is not there.
pub(crate) fn data(relative: &str) -> Option<PathBuf> {
    Some(development::shared_data(relative)?.canonicalize().expect("it exists"))
}

/// A folder to run `shelf` in, with a configuration that names the development weights.
pub(crate) struct Workplace {
    pub(crate) folder: TempDir,
}

impl Workplace {
    pub(crate) fn new() -> Option<Self> {
        let detector = data("weights/yolov8n-coco/yolov8n_coco_dequant_fp32.onnx")?;
        let embedder = data("weights/efficientnet-lite0-imagenet/efficientnet_lite0_imagenet.onnx")?;
        let place = Self::empty();
        place.write_config(&detector, &embedder);
        Some(place)
    }

    /// With the models of the repository.
    pub(crate) fn shipped() -> Self {
        let place = Self::empty();
        let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models");
        let model = |path: &str| models.join(path).canonicalize().expect("it is committed");
        place.write_config(&model("detector/shelf-v3-fp16.onnx"), &model("classifier/shelf-v3-fp16.onnx"));
        place
    }

    pub(crate) fn empty() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write_config(&self, detector: &Path, embedder: &Path) {
        let text = format!(
            "detector: {{model: {:?}}}\nembedder: {{model: {:?}}}\ngallery: {{path: {:?}}}\n",
            detector.display().to_string(),
            embedder.display().to_string(),
            self.path("gallery").display().to_string()
        );
        fs::write(self.path("pipeline.yaml"), text).expect("the folder is writable");
    }

    /// Runs `shelf` in the folder with its configuration and a clean environment.
    pub(crate) fn shelf(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the binary runs")
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_shelf"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("AI_V2_") {
                command.env_remove(name);
            }
        }
        let library = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.runtime/libonnxruntime.so.1.31.1");
        if library.exists() && std::env::var_os("ORT_DYLIB_PATH").is_none() {
            command.env("ORT_DYLIB_PATH", library);
        }
        command
            .env("AI_V2_PIPELINE_CONFIG", self.path("pipeline.yaml"))
            .env_remove("RUST_LOG")
            .current_dir(self.folder.path());
        command.args(arguments);
        command
    }
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Runs the command in a folder; the exit code must be `code`. Returns what was printed.
pub(crate) fn runs_in(folder: &Path, arguments: &str, code: i32) -> String {
    let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_shelf"))
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .output()
        .expect("it runs");
    let text = String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr);
    assert_eq!(status.code(), Some(code), "{arguments}: {text}");
    assert!(!text.contains("panicked"), "{text}");
    text
}
