//! XGBoost's C interface (version 3), as far as training needs it: the only `unsafe` code of this learner.
//!
//! Every pointer that is handed over points to memory that outlives the call, and every length is that of the memory behind it; XGBoost
//! copies rows and labels when a matrix is made. What it hands back (texts, the model) belongs to the booster and is copied at once.
//! Handles are freed once, boosters before the matrices that they borrow, and no handle is used by two threads at a time.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::marker::PhantomData;
use std::path::Path;
use std::ptr::{null, null_mut};

use libloading::Library;

type Handle = *mut c_void;

/// Largest model, in bytes.
const MAX_MODEL: u64 = 1 << 30;

/// The functions of the library, which stays loaded with them.
pub(super) struct Api {
    last_error: unsafe extern "C" fn() -> *const c_char,
    matrix_create: unsafe extern "C" fn(*const f32, u64, u64, f32, *mut Handle) -> c_int,
    matrix_set_floats: unsafe extern "C" fn(Handle, *const c_char, *const f32, u64) -> c_int,
    matrix_free: unsafe extern "C" fn(Handle) -> c_int,
    booster_create: unsafe extern "C" fn(*const Handle, u64, *mut Handle) -> c_int,
    booster_set: unsafe extern "C" fn(Handle, *const c_char, *const c_char) -> c_int,
    booster_update: unsafe extern "C" fn(Handle, c_int, Handle) -> c_int,
    booster_eval:
        unsafe extern "C" fn(Handle, c_int, *const Handle, *const *const c_char, u64, *mut *const c_char) -> c_int,
    booster_save: unsafe extern "C" fn(Handle, *const c_char, *mut u64, *mut *const c_char) -> c_int,
    booster_free: unsafe extern "C" fn(Handle) -> c_int,
    _library: Library,
}

impl Api {
    /// Loads the library and finds its functions.
    pub(super) fn load(path: &Path) -> Result<Self, String> {
        // SAFETY: the initialisers of the library run. It is the file that the operator named or `make setup` fetched and checked.
        let library = unsafe { Library::new(path) }.map_err(|error| error.to_string())?;
        macro_rules! function {
            ($name:literal) => {
                // SAFETY: the type of the field is the function's signature in XGBoost's c_api.h, version 3 (`bst_ulong` is 64 bits).
                *unsafe { library.get(concat!($name, "\0").as_bytes()) }.map_err(|error| error.to_string())?
            };
        }
        Ok(Self {
            last_error: function!("XGBGetLastError"),
            matrix_create: function!("XGDMatrixCreateFromMat"),
            matrix_set_floats: function!("XGDMatrixSetFloatInfo"),
            matrix_free: function!("XGDMatrixFree"),
            booster_create: function!("XGBoosterCreate"),
            booster_set: function!("XGBoosterSetParam"),
            booster_update: function!("XGBoosterUpdateOneIter"),
            booster_eval: function!("XGBoosterEvalOneIter"),
            booster_save: function!("XGBoosterSaveModelToBuffer"),
            booster_free: function!("XGBoosterFree"),
            _library: library,
        })
    }

    fn check(&self, code: c_int) -> Result<(), String> {
        if code == 0 {
            return Ok(());
        }
        // SAFETY: it gives a text of this thread that ends with NUL and stays until this thread's next error.
        let message = unsafe { CStr::from_ptr((self.last_error)()) };
        // The first line says what; those below are addresses.
        Err(message.to_string_lossy().lines().next().unwrap_or_default().chars().take(500).collect())
    }
}

/// Rows with their labels, in the library's memory.
pub(super) struct Matrix<'a> {
    api: &'a Api,
    handle: Handle,
}

impl<'a> Matrix<'a> {
    /// Copies rows of so many features, row after row.
    pub(super) fn new(api: &'a Api, values: &[f32], columns: usize, labels: &[f32]) -> Result<Self, String> {
        if labels.len().checked_mul(columns) != Some(values.len()) {
            return Err("each row needs a label".to_owned());
        }
        let (rows, columns) = (labels.len() as u64, columns as u64);
        let mut handle = null_mut();
        // SAFETY: `values` holds rows * columns numbers; `handle` can be written.
        api.check(unsafe { (api.matrix_create)(values.as_ptr(), rows, columns, f32::NAN, &raw mut handle) })?;
        let matrix = Self { api, handle };
        // SAFETY: `labels` holds `rows` numbers; the name ends with NUL.
        api.check(unsafe { (api.matrix_set_floats)(matrix.handle, c"label".as_ptr(), labels.as_ptr(), rows) })?;
        Ok(matrix)
    }
}

impl Drop for Matrix<'_> {
    fn drop(&mut self) {
        // SAFETY: the handle is from `matrix_create` and is freed here alone; boosters borrow this and are gone.
        unsafe { (self.api.matrix_free)(self.handle) };
    }
}

/// A model that learns, round by round. It borrows the rows that it learns from and is judged by.
pub(super) struct Booster<'a> {
    api: &'a Api,
    handle: Handle,
    train: Handle,
    validation: Option<Handle>,
    _rows: PhantomData<&'a Matrix<'a>>,
}

impl<'a> Booster<'a> {
    pub(super) fn new(
        api: &'a Api,
        train: &'a Matrix<'a>,
        validation: Option<&'a Matrix<'a>>,
        parameters: &[(&str, String)],
    ) -> Result<Self, String> {
        let validation = validation.map(|validation| validation.handle);
        let known: Vec<Handle> = std::iter::once(train.handle).chain(validation).collect();
        let mut handle = null_mut();
        // SAFETY: `known` holds so many handles that are alive; `handle` can be written.
        api.check(unsafe { (api.booster_create)(known.as_ptr(), known.len() as u64, &raw mut handle) })?;
        let booster = Self { api, handle, train: train.handle, validation, _rows: PhantomData };
        for (name, value) in parameters {
            let (name, value) = (text(name)?, text(value)?);
            // SAFETY: the handle is alive, both texts end with NUL.
            api.check(unsafe { (api.booster_set)(booster.handle, name.as_ptr(), value.as_ptr()) })?;
        }
        Ok(booster)
    }

    /// Round number `round`.
    pub(super) fn update(&mut self, round: usize) -> Result<(), String> {
        // SAFETY: both handles are alive, and this is the only reference to the booster.
        self.api.check(unsafe { (self.api.booster_update)(self.handle, number(round), self.train) })
    }

    /// The metric on the rows of training and, where there are some, of validation.
    pub(super) fn losses(&mut self, round: usize) -> Result<Vec<f64>, String> {
        let judged: Vec<Handle> = std::iter::once(self.train).chain(self.validation).collect();
        let names = [c"train".as_ptr(), c"validation".as_ptr()];
        let mut told: *const c_char = null();
        // SAFETY: `judged` holds so many handles that are alive, and `names` at least as many texts that end with NUL.
        let code = unsafe {
            let count = judged.len() as u64;
            (self.api.booster_eval)(self.handle, number(round), judged.as_ptr(), names.as_ptr(), count, &raw mut told)
        };
        self.api.check(code)?;
        // SAFETY: after success it points to a text that ends with NUL and stays until the booster is used again.
        let told = unsafe { CStr::from_ptr(told) }.to_string_lossy();
        let values = told.split_ascii_whitespace().filter_map(|part| part.rsplit_once(':')?.1.parse().ok());
        let values: Vec<f64> = values.collect();
        if values.len() == judged.len() { Ok(values) } else { Err(format!("its metrics cannot be read: {told:?}")) }
    }

    /// The model as JSON.
    pub(super) fn json(&self) -> Result<Vec<u8>, String> {
        let (mut length, mut bytes): (u64, *const c_char) = (0, null());
        let format = cr#"{"format": "json"}"#;
        // SAFETY: the text ends with NUL; both places can be written.
        let code = unsafe { (self.api.booster_save)(self.handle, format.as_ptr(), &raw mut length, &raw mut bytes) };
        self.api.check(code)?;
        if bytes.is_null() || !(1..=MAX_MODEL).contains(&length) {
            return Err(format!("the model has {length} bytes; {MAX_MODEL} are allowed"));
        }
        // SAFETY: after success there are `length` bytes, which stay until the booster is used again; they are copied.
        Ok(unsafe { std::slice::from_raw_parts(bytes.cast::<u8>(), length as usize) }.to_vec())
    }
}

impl Drop for Booster<'_> {
    fn drop(&mut self) {
        // SAFETY: the handle is from `booster_create` and is freed here alone.
        unsafe { (self.api.booster_free)(self.handle) };
    }
}

fn number(round: usize) -> c_int {
    c_int::try_from(round).unwrap_or(c_int::MAX)
}

fn text(text: &str) -> Result<CString, String> {
    CString::new(text).map_err(|error| error.to_string())
}
