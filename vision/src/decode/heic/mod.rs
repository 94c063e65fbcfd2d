//! HEIC -> RGB, by libheif where that is installed, in a process of its own.
//!
//! The decoders behind HEIC are large and not memory-safe, and a file can keep them busy for long: they never run in the
//! process that serves. A helper does one picture and ends, within limits of memory and processor time that the kernel
//! holds it to; should it crash, that file is damaged and nothing else happened. What the file's boxes say of its size is
//! read here, before (`outline`).

mod library;
mod outline;

use std::ffi::OsString;
use std::io::{self, Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{OnceLock, mpsc};
use std::thread;
use std::time::Duration;

use image::metadata::Orientation;

use super::{DecodeError, DecodeLimits, Decoded, Format, check_pixels};
use crate::RgbImage;

pub use library::run_helper;
pub(super) use outline::{Outline, read as outline};

/// First argument of the helper.
pub const HELPER_ARGUMENT: &str = "heif-decoder";

/// Before the pixels, so that nothing else a program may print passes for a picture.
const ANSWER: &[u8; 8] = b"heif-rgb";

/// Longest that a picture may take, however busy the machine is.
const MAX_TIME: Duration = Duration::from_secs(10);

/// What the helper may allocate beside the file, bytes: for each pixel planes, their copies on the way to RGB, and what the
/// decoder notes of blocks.
pub(super) const BYTES_A_PIXEL: u64 = 16;
/// And in any case.
const BYTES_AT_LEAST: u64 = 96 << 20;

static HELPER: OnceLock<PathBuf> = OnceLock::new();

/// Names the program that decodes HEIC: one that calls [`run_helper`] when its first argument is [`HELPER_ARGUMENT`]. Until
/// then, and where it finds no libheif, HEIC is refused with what to do. The first call counts.
pub fn use_helper(program: PathBuf) {
    HELPER.get_or_init(|| program);
}

/// Whether HEIC is read here: asked of the helper once.
#[must_use]
pub fn available() -> bool {
    static AVAILABLE: OnceLock<bool> = OnceLock::new();
    *AVAILABLE.get_or_init(|| {
        let Some(program) = HELPER.get() else { return false };
        let probe =
            helper(program).arg("probe").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
        probe.is_ok_and(|status| status.success())
    })
}

/// Width and height of the primary picture as it is shown, by the boxes of a HEIC file alone: whether or not it is read here.
///
/// # Errors
/// When the file lacks its end, holds no still picture coded by HEVC, or contradicts itself.
pub fn shown_size(bytes: &[u8]) -> Result<(u32, u32), DecodeError> {
    outline(bytes).map(|outline| (outline.width, outline.height))
}

fn helper(program: &PathBuf) -> Command {
    let mut command = Command::new(program);
    // It needs no secret of ours, and no more of the machine than the library's place.
    let kept: Option<OsString> = std::env::var_os("LD_LIBRARY_PATH");
    command.arg(HELPER_ARGUMENT).env_clear().current_dir("/");
    if let Some(places) = kept {
        command.env("LD_LIBRARY_PATH", places);
    }
    command
}

/// Decodes the primary picture, upright by the file's own transformations. EXIF does not count, as the format has it: it
/// repeats them.
pub(super) fn decode(bytes: &[u8], limits: &DecodeLimits) -> Result<Decoded, DecodeError> {
    let Outline { width, height, largest, .. } = outline(bytes)?;
    for (width, height) in [largest, (width, height)] {
        check_pixels(width, height, limits)?;
    }
    let failed = |source| DecodeError::NotDecoded { source };
    let program = HELPER.get().ok_or_else(|| failed(io::ErrorKind::NotFound.into()))?;
    let numbers = [width, height, largest.0, largest.1].map(|n| n.to_string());
    let mut child = helper(program)
        .args(numbers)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let length = width as usize * height as usize * 3;
    let answer = talk(&mut child, bytes, ANSWER.len() + length);
    // It has nothing more to say, and may not have ended.
    let _ = child.kill();
    let _ = child.wait();
    let (mut data, words) = answer.map_err(failed)?;
    if data.len() != ANSWER.len() + length || !data.starts_with(ANSWER) {
        let words = if words.is_empty() { "decoding took too much time or memory".to_owned() } else { words };
        return Err(DecodeError::damaged(Format::Heic, words));
    }
    data.drain(..ANSWER.len());
    let pixels = RgbImage::from_raw(width, height, data)
        .ok_or_else(|| DecodeError::damaged(Format::Heic, "the picture has another size than its header says"))?;
    Ok(Decoded { pixels, orientation: Orientation::NoTransforms })
}

/// Gives the child the file; at most one byte more than `expected` of its answer, and what it complains of.
fn talk(child: &mut Child, bytes: &[u8], expected: usize) -> io::Result<(Vec<u8>, String)> {
    const MAX_WORDS: u64 = 500;
    let (Some(mut input), Some(output), Some(errors)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(io::ErrorKind::BrokenPipe.into());
    };
    let (done, finished) = mpsc::channel();
    thread::scope(|scope| {
        // One that ends early closes its input; its words say why.
        scope.spawn(move || input.write_all(bytes).ok());
        let reader = scope.spawn(move || {
            let (mut answer, mut words) = (Vec::with_capacity(expected), Vec::new());
            let read = output.take(expected as u64 + 1).read_to_end(&mut answer);
            // Only who does not deliver complains.
            let read = if answer.len() < expected { errors.take(MAX_WORDS).read_to_end(&mut words) } else { read };
            let _ = done.send(());
            read.map(|_| (answer, String::from_utf8_lossy(&words).trim().replace(char::is_control, " ")))
        });
        let _ = finished.recv_timeout(MAX_TIME);
        // In time it has ended or delivered; else this ends both threads.
        child.kill()?;
        reader.join().unwrap_or_else(|_| Err(io::ErrorKind::Other.into()))
    })
}
