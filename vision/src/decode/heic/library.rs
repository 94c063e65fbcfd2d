//! The helper: libheif, loaded at run time. All of the project's dealings with it, and all unsafe code of HEIC, are here.
//!
//! Invariants: the functions below have had these signatures since libheif 1.11 and keep them for all of 1.x (its ABI, soname
//! 1, only adds); nothing that the library gives is given back, and the process ends without going through the library again: while
//! it takes down its decoder's threads it may spin for good (one time in twenty with libde265 1.0.11 on two busy cores).

use std::ffi::{CStr, OsString, c_char, c_int, c_void};
use std::io::{self, Read as _};
use std::ptr::{null, null_mut};

use libloading::Library;
use thiserror::Error;

use super::super::flatten_onto_white;
use super::{ANSWER, BYTES_A_PIXEL, BYTES_AT_LEAST};

/// By soname, as the loader finds them: only the interface of version 1 fits.
const NAMES: &[&str] = &["libheif.so.1", "libheif.1.dylib"];

/// Largest file taken, bytes: whoever calls has bounded it before.
const MAX_FILE: u64 = 1 << 30;

/// Processor time for one picture, seconds.
const MAX_SECONDS: u64 = 10;

#[derive(Debug, Error)]
enum HelperError {
    #[error("libheif cannot be loaded: {0}")]
    Library(#[from] libloading::Error),
    #[error("four numbers are expected: this is a part of the program, not a command")]
    Arguments,
    #[error(transparent)]
    Pipe(#[from] io::Error),
    #[error("{0}")]
    Said(String),
    #[error("the picture has another size than its header says")]
    Size,
}

/// What the program does when its first argument is [`HELPER_ARGUMENT`](super::HELPER_ARGUMENT): a file on standard input,
/// pixels on standard output. `arguments` are those behind it.
pub fn run_helper(arguments: impl Iterator<Item = OsString>) -> ! {
    let arguments: Vec<OsString> = arguments.take(5).collect();
    let done =
        if arguments.iter().eq(["probe"]) { Heif::load().map(std::mem::forget) } else { one_picture(&arguments) };
    if let Err(error) = &done {
        eprintln!("{error}");
    }
    // SAFETY: it ends the process, and what was to be written is: standard error has no buffer, the pixels were flushed.
    unsafe { libc::_exit(i32::from(done.is_err())) }
}

fn one_picture(arguments: &[OsString]) -> Result<(), HelperError> {
    let numbers: Option<Vec<u32>> = arguments.iter().map(|text| text.to_str()?.parse().ok()).collect();
    let [width, height, largest @ ..] = &*numbers.ok_or(HelperError::Arguments)? else {
        return Err(HelperError::Arguments);
    };
    let &[largest_width, largest_height] = largest else { return Err(HelperError::Arguments) };
    let mut file = Vec::new();
    io::stdin().lock().take(MAX_FILE).read_to_end(&mut file)?;
    let heif = std::mem::ManuallyDrop::new(Heif::load()?);
    let largest = u64::from(largest_width) * u64::from(largest_height);
    confine(BYTES_AT_LEAST + largest * BYTES_A_PIXEL)?;
    heif.decode(&file, (*width, *height), largest, &mut io::stdout().lock())
}

/// Nothing more may be taken than `memory` bytes and some time, no file written, no core left.
fn confine(memory: u64) -> io::Result<()> {
    let data = memory_now()?.saturating_add(memory);
    // SAFETY: plain calls with values on the stack.
    let failed = unsafe {
        let limit = |value: u64| libc::rlimit { rlim_cur: value as libc::rlim_t, rlim_max: value as libc::rlim_t };
        libc::setrlimit(libc::RLIMIT_DATA, &limit(data))
            | libc::setrlimit(libc::RLIMIT_CPU, &limit(MAX_SECONDS))
            | libc::setrlimit(libc::RLIMIT_FSIZE, &limit(0))
            | libc::setrlimit(libc::RLIMIT_CORE, &limit(0))
    };
    if failed == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Bytes of private writable memory, as the limit counts them (`man 5 proc`: field 6 of `statm`, in pages).
fn memory_now() -> io::Result<u64> {
    let pages = match std::fs::read_to_string("/proc/self/statm") {
        Ok(text) => text.split_ascii_whitespace().nth(5).and_then(|field| field.parse().ok()).unwrap_or(0),
        Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
        Err(error) => return Err(error),
    };
    // SAFETY: a plain question.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    Ok(u64::try_from(page).unwrap_or(4096) * pages)
}

#[repr(C)]
struct HeifError {
    code: c_int,
    subcode: c_int,
    message: *const c_char,
}

/// The beginning of `heif_decoding_options`, which versions only add to; allocated by the library.
#[repr(C)]
struct DecodingOptions {
    version: u8,
    ignore_transformations: u8,
    start_progress: *const c_void,
    on_progress: *const c_void,
    end_progress: *const c_void,
    progress_user_data: *mut c_void,
    /// From version 2.
    convert_hdr_to_8bit: u8,
}

/// Opaque to us: a context, a handle of a picture, a picture.
type Opaque = *mut c_void;

const COLORSPACE_RGB: c_int = 1;
const CHROMA_RGB: c_int = 10;
const CHROMA_RGBA: c_int = 11;
const CHANNEL_INTERLEAVED: c_int = 10;

macro_rules! functions {
    ($($field:ident: $name:literal, fn($($argument:ty),*) $(-> $result:ty)?;)*) => {
        /// The functions that are used. They stay valid as long as the library does.
        struct Heif {
            $($field: unsafe extern "C" fn($($argument),*) $(-> $result)?,)*
            _library: Library,
        }

        impl Heif {
            fn load() -> Result<Self, HelperError> {
                let mut opened = None;
                for name in NAMES {
                    // SAFETY: loading a library runs its initialisers; it is the system's, found by its soname.
                    match unsafe { Library::new(*name) } {
                        Ok(library) => {
                            opened = Some(Ok(library));
                            break;
                        }
                        Err(error) => drop(opened.get_or_insert(Err(error))),
                    }
                }
                let library = opened.ok_or(HelperError::Arguments)??;
                // SAFETY: these symbols have these types in every libheif 1.x from 1.11 (see above).
                unsafe {
                    Ok(Self { $($field: *library.get($name)?,)* _library: library })
                }
            }
        }
    };
}

functions! {
    context_alloc: b"heif_context_alloc", fn() -> Opaque;
    set_limit: b"heif_context_set_maximum_image_size_limit", fn(Opaque, c_int);
    read: b"heif_context_read_from_memory_without_copy", fn(Opaque, *const c_void, usize, *const c_void) -> HeifError;
    primary: b"heif_context_get_primary_image_handle", fn(Opaque, *mut Opaque) -> HeifError;
    handle_width: b"heif_image_handle_get_width", fn(Opaque) -> c_int;
    handle_height: b"heif_image_handle_get_height", fn(Opaque) -> c_int;
    has_alpha: b"heif_image_handle_has_alpha_channel", fn(Opaque) -> c_int;
    options_alloc: b"heif_decoding_options_alloc", fn() -> *mut DecodingOptions;
    decode_image: b"heif_decode_image", fn(Opaque, *mut Opaque, c_int, c_int, *const DecodingOptions) -> HeifError;
    image_width: b"heif_image_get_width", fn(Opaque, c_int) -> c_int;
    image_height: b"heif_image_get_height", fn(Opaque, c_int) -> c_int;
    plane: b"heif_image_get_plane_readonly", fn(Opaque, c_int, *mut c_int) -> *const u8;
}

impl Heif {
    /// Decodes the primary picture of `file` upright, which must have this size, into rows of RGB.
    fn decode(&self, file: &[u8], size: (u32, u32), largest: u64, out: &mut impl io::Write) -> Result<(), HelperError> {
        let fits =
            |width: c_int, height: c_int| (u32::try_from(width), u32::try_from(height)) == (Ok(size.0), Ok(size.1));
        // SAFETY: pointers come from the library and go to it alone; out-parameters live on this stack, and the process ends before
        // `file` does.
        unsafe {
            let context = (self.context_alloc)();
            let side = (largest as f64).sqrt().ceil().min(f64::from(c_int::MAX)) as c_int;
            (self.set_limit)(context, side);
            said(&(self.read)(context, file.as_ptr().cast(), file.len(), null()))?;
            let mut handle = null_mut();
            said(&(self.primary)(context, &raw mut handle))?;
            if !fits((self.handle_width)(handle), (self.handle_height)(handle)) {
                return Err(HelperError::Size);
            }
            let options = (self.options_alloc)();
            // From version 2 on the field is there: deep colours become 8 bits.
            if !options.is_null() && (*options).version >= 2 {
                (*options).convert_hdr_to_8bit = 1;
            }
            let alpha = (self.has_alpha)(handle) != 0;
            let (chroma, channels) = if alpha { (CHROMA_RGBA, 4) } else { (CHROMA_RGB, 3) };
            let mut image = null_mut();
            said(&(self.decode_image)(handle, &raw mut image, COLORSPACE_RGB, chroma, options))?;
            let (width, height) =
                ((self.image_width)(image, CHANNEL_INTERLEAVED), (self.image_height)(image, CHANNEL_INTERLEAVED));
            let mut stride = 0;
            let plane = (self.plane)(image, CHANNEL_INTERLEAVED, &raw mut stride);
            let row = size.0 as usize * channels;
            let stride = usize::try_from(stride).unwrap_or_default();
            if plane.is_null() || !fits(width, height) || stride < row {
                return Err(HelperError::Size);
            }
            out.write_all(ANSWER)?;
            for y in 0..size.1 as usize {
                // The plane has `height` rows of `stride` bytes, of which the first `row` are pixels.
                let pixels = std::slice::from_raw_parts(plane.add(y * stride), row);
                if alpha { out.write_all(&flatten_onto_white(pixels.to_vec()))? } else { out.write_all(pixels)? }
            }
        }
        Ok(out.flush()?)
    }
}

/// What the library says of a call.
fn said(error: &HeifError) -> Result<(), HelperError> {
    if error.code == 0 {
        return Ok(());
    }
    let words = if error.message.is_null() {
        "the decoder gave up".into()
    } else {
        // SAFETY: a string of the library, constant or as old as its context, which lives.
        unsafe { CStr::from_ptr(error.message) }.to_string_lossy()
    };
    Err(HelperError::Said(words.into_owned()))
}
