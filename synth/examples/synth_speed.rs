//! Photos a second at the default size: `cargo run --release -p synth --example synth_speed [PHOTOS [CSV]]`.
//!
//! Measures what `write_dataset` does after the products are made: rendering, the sensor, encoding, writing. Processor time is told
//! beside the clock, because on a machine that others use, too, the clock says little. Writes `docs/results/synth_speed.csv`.

use std::io::Write as _;
use std::path::Path;
use std::sync::Mutex;
use std::time::Instant;

use dataset::Progress;
use synth::{SynthConfig, WriteOptions, write_dataset};

/// When each stage began, and the processor time used until then.
struct Stages(Mutex<Vec<(String, Instant, f64)>>);

impl Progress for Stages {
    fn begin(&self, stage: &str, _total: u64) {
        self.0.lock().expect("nobody panics while holding it").push((stage.to_owned(), Instant::now(), processor()));
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let photos = arguments.next().map_or(Ok(200), |text| text.parse())?;
    let output = arguments.next().unwrap_or_else(|| "docs/results/synth_speed.csv".to_owned());
    let config = SynthConfig { photos, ..SynthConfig::default() };
    let folder = tempfile::tempdir()?;
    let stages = Stages(Mutex::new(Vec::new()));
    let report = write_dataset(&config, &WriteOptions::default(), &folder.path().join("set"), &stages)?;
    let (end, end_processor) = (Instant::now(), processor());
    let stages = stages.0.into_inner()?;
    let of = |name: &str| stages.iter().find(|stage| stage.0 == name).ok_or("a stage is missing");
    let (products, drawing) = (of("products")?, of("photos")?);
    let seconds = (end - drawing.1).as_secs_f64();
    let csv = format!(
        "# cargo run --release -p synth --example synth_speed {photos}\n\
         photos,width,height,labels,threads,seconds,photos_per_second,processor_seconds_per_photo,products,products_seconds\n\
         {photos},{},{},{},{},{seconds:.2},{:.1},{:.3},{},{:.2}\n",
        config.size.0,
        config.size.1,
        report.labelled,
        rayon::current_num_threads(),
        f64::from(photos) / seconds,
        (end_processor - drawing.2) / f64::from(photos),
        report.skus,
        (drawing.1 - products.1).as_secs_f64(),
    );
    print!("{csv}");
    dataset::files::write_atomic(Path::new(&output), |writer| writer.write_all(csv.as_bytes()))?;
    Ok(())
}

/// Seconds of processor time this process has used (Linux; 0 elsewhere).
fn processor() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // After the name in brackets come the state and ten numbers, then user and system time in ticks of 10 ms.
    let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    rest.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}
