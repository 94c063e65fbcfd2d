//! A progress bar with rate and time to go, for `dataset`'s long runs.

use std::sync::Mutex;

use dataset::Progress;
use indicatif::{ProgressBar, ProgressStyle};

/// Shows one bar per stage on standard error; nothing when that is not a terminal.
#[derive(Default)]
pub(super) struct Bar(Mutex<Option<ProgressBar>>);

impl Progress for Bar {
    fn begin(&self, stage: &str, total: u64) {
        let style = ProgressStyle::with_template("{msg:20} {bar:30} {pos}/{len}  {per_sec}  ETA {eta}")
            .expect("the template is well-formed");
        let next = ProgressBar::new(total).with_style(style).with_message(stage.to_owned());
        if let Some(last) = self.0.lock().expect("no listener panics").replace(next) {
            last.finish_and_clear();
        }
    }

    fn advance(&self, steps: u64) {
        if let Some(bar) = &*self.0.lock().expect("no listener panics") {
            bar.inc(steps);
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Ok(Some(bar)) = self.0.get_mut().map(Option::take) {
            bar.finish_and_clear();
        }
    }
}
