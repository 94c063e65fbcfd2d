//! LightGBM's C interface (version 4), as far as training needs it: the only `unsafe` code of this learner.
//!
//! Every pointer that is handed over points to memory that outlives the call, and every length is that of the memory behind it; LightGBM
//! keeps none of them (it copies rows into bins when a data set is made). Handles are freed once, boosters before the data sets that they
//! borrow. Nothing is called from two threads at a time with one handle, since `Booster` is not shared.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::marker::PhantomData;
use std::path::Path;
use std::ptr::{null, null_mut};

use libloading::Library;

use crate::matrix::Matrix;

type Handle = *mut c_void;

/// `C_API_DTYPE_FLOAT32` and `C_API_DTYPE_FLOAT64`.
const FLOAT32: c_int = 0;
const FLOAT64: c_int = 1;
/// Largest model, in bytes.
const MAX_MODEL: i64 = 1 << 30;

/// The functions of the library, which stays loaded with them.
pub(super) struct Api {
    last_error: unsafe extern "C" fn() -> *const c_char,
    dataset_create:
        unsafe extern "C" fn(*const c_void, c_int, i32, i32, c_int, *const c_char, Handle, *mut Handle) -> c_int,
    dataset_set_field: unsafe extern "C" fn(Handle, *const c_char, *const c_void, c_int, c_int) -> c_int,
    dataset_free: unsafe extern "C" fn(Handle) -> c_int,
    booster_create: unsafe extern "C" fn(Handle, *const c_char, *mut Handle) -> c_int,
    booster_add_valid: unsafe extern "C" fn(Handle, Handle) -> c_int,
    booster_update: unsafe extern "C" fn(Handle, *mut c_int) -> c_int,
    booster_eval_counts: unsafe extern "C" fn(Handle, *mut c_int) -> c_int,
    booster_get_eval: unsafe extern "C" fn(Handle, c_int, *mut c_int, *mut f64) -> c_int,
    booster_save: unsafe extern "C" fn(Handle, c_int, c_int, c_int, i64, *mut i64, *mut c_char) -> c_int,
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
                // SAFETY: the type of the field is the function's signature in LightGBM's c_api.h, version 4.
                *unsafe { library.get(concat!($name, "\0").as_bytes()) }.map_err(|error| error.to_string())?
            };
        }
        Ok(Self {
            last_error: function!("LGBM_GetLastError"),
            dataset_create: function!("LGBM_DatasetCreateFromMat"),
            dataset_set_field: function!("LGBM_DatasetSetField"),
            dataset_free: function!("LGBM_DatasetFree"),
            booster_create: function!("LGBM_BoosterCreate"),
            booster_add_valid: function!("LGBM_BoosterAddValidData"),
            booster_update: function!("LGBM_BoosterUpdateOneIter"),
            booster_eval_counts: function!("LGBM_BoosterGetEvalCounts"),
            booster_get_eval: function!("LGBM_BoosterGetEval"),
            booster_save: function!("LGBM_BoosterSaveModelToString"),
            booster_free: function!("LGBM_BoosterFree"),
            _library: library,
        })
    }

    fn check(&self, code: c_int) -> Result<(), String> {
        if code == 0 {
            return Ok(());
        }
        // SAFETY: it gives a text of this thread that ends with NUL and stays until this thread's next error.
        let message = unsafe { CStr::from_ptr((self.last_error)()) };
        Err(message.to_string_lossy().chars().take(500).collect())
    }
}

/// Rows with their labels, in the library's memory.
pub(super) struct Dataset<'a> {
    api: &'a Api,
    handle: Handle,
    rows: usize,
}

impl<'a> Dataset<'a> {
    /// Copies rows. `like` are rows whose bins it takes: validation is measured in the bins of training.
    pub(super) fn new(
        api: &'a Api,
        x: &Matrix,
        labels: &[f32],
        parameters: &str,
        like: Option<&Dataset<'_>>,
    ) -> Result<Self, String> {
        let (Ok(rows), Ok(columns)) = (i32::try_from(x.rows()), i32::try_from(x.columns())) else {
            return Err(format!("{} rows of {} features are more than it takes", x.rows(), x.columns()));
        };
        if labels.len() != x.rows() {
            return Err("each row needs a label".to_owned());
        }
        let parameters = text(parameters)?;
        let mut handle = null_mut();
        let reference = like.map_or(null_mut(), |like| like.handle);
        // SAFETY: `x` holds rows * columns numbers row after row; the text ends with NUL; `handle` can be written; `like` is alive.
        let code = unsafe {
            let values = x.values().as_ptr().cast();
            (api.dataset_create)(values, FLOAT64, rows, columns, 1, parameters.as_ptr(), reference, &raw mut handle)
        };
        api.check(code)?;
        let set = Self { api, handle, rows: labels.len() };
        // SAFETY: `labels` holds `rows` 32-bit floats, which the library copies.
        let code =
            unsafe { (api.dataset_set_field)(set.handle, c"label".as_ptr(), labels.as_ptr().cast(), rows, FLOAT32) };
        api.check(code)?;
        Ok(set)
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }
}

impl Drop for Dataset<'_> {
    fn drop(&mut self) {
        // SAFETY: the handle is from `dataset_create` and is freed here alone; boosters borrow this and are gone.
        unsafe { (self.api.dataset_free)(self.handle) };
    }
}

/// A model that learns, round by round. It borrows the rows that it learns from and is judged by.
pub(super) struct Booster<'a> {
    api: &'a Api,
    handle: Handle,
    _rows: PhantomData<&'a Dataset<'a>>,
}

impl<'a> Booster<'a> {
    pub(super) fn new(
        api: &'a Api,
        train: &'a Dataset<'a>,
        validation: Option<&'a Dataset<'a>>,
        parameters: &str,
    ) -> Result<Self, String> {
        let parameters = text(parameters)?;
        let mut handle = null_mut();
        // SAFETY: the data set is alive, the text ends with NUL, `handle` can be written.
        api.check(unsafe { (api.booster_create)(train.handle, parameters.as_ptr(), &raw mut handle) })?;
        let booster = Self { api, handle, _rows: PhantomData };
        if let Some(validation) = validation {
            // SAFETY: both handles are alive, and the data set stays so as long as the booster.
            api.check(unsafe { (api.booster_add_valid)(booster.handle, validation.handle) })?;
        }
        Ok(booster)
    }

    /// One round; whether nothing is left to be learned.
    pub(super) fn update(&mut self) -> Result<bool, String> {
        let mut finished = 0;
        // SAFETY: the handle is alive, and this is the only reference to it; `finished` can be written.
        self.api.check(unsafe { (self.api.booster_update)(self.handle, &raw mut finished) })?;
        Ok(finished != 0)
    }

    /// The first metric on the rows of training (0) or validation (1).
    pub(super) fn loss(&self, rows: c_int) -> Result<f64, String> {
        let mut count = 0;
        // SAFETY: the handle is alive, `count` can be written.
        self.api.check(unsafe { (self.api.booster_eval_counts)(self.handle, &raw mut count) })?;
        let mut values = vec![f64::NAN; usize::try_from(count).unwrap_or(0).max(1)];
        let mut written = 0;
        // SAFETY: the library writes `count` numbers, and `values` has room for them.
        self.api
            .check(unsafe { (self.api.booster_get_eval)(self.handle, rows, &raw mut written, values.as_mut_ptr()) })?;
        Ok(values[0])
    }

    /// The first rounds as LightGBM's text, with importance by gain.
    pub(super) fn text(&self, rounds: usize) -> Result<String, String> {
        let rounds = c_int::try_from(rounds).unwrap_or(c_int::MAX);
        let mut needed = 0;
        // SAFETY: with room for nothing it writes the length alone.
        let code = unsafe {
            (self.api.booster_save)(self.handle, 0, rounds, 1, 0, &raw mut needed, null::<c_char>().cast_mut())
        };
        self.api.check(code)?;
        if !(1..=MAX_MODEL).contains(&needed) {
            return Err(format!("the model has {needed} bytes; {MAX_MODEL} are allowed"));
        }
        let mut bytes = vec![0_u8; usize::try_from(needed).map_err(|error| error.to_string())?];
        // SAFETY: `bytes` has room for `needed` bytes, and no more are written.
        let code = unsafe {
            (self.api.booster_save)(self.handle, 0, rounds, 1, needed, &raw mut needed, bytes.as_mut_ptr().cast())
        };
        self.api.check(code)?;
        let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
        bytes.truncate(end);
        String::from_utf8(bytes).map_err(|error| error.to_string())
    }
}

impl Drop for Booster<'_> {
    fn drop(&mut self) {
        // SAFETY: the handle is from `booster_create` and is freed here alone.
        unsafe { (self.api.booster_free)(self.handle) };
    }
}

fn text(text: &str) -> Result<CString, String> {
    CString::new(text).map_err(|error| error.to_string())
}
