//! Weights named `hf://...`, as files of this machine.

pub(crate) mod published;

use std::path::PathBuf;

use anyhow::bail;
use engine::Backbone;
use engine::backbone::Padding;
use hub::{Hub, HubFile, Progress, WeightsSource};
use indicatif::{HumanBytes, ProgressBar, ProgressStyle};

use crate::environment;

/// The file that `source` names; one on a hub is fetched first, unless the cache has it.
pub(crate) fn local(source: &WeightsSource) -> anyhow::Result<PathBuf> {
    match source {
        WeightsSource::File(path) => Ok(path.clone()),
        WeightsSource::Hub(file) => fetch(file),
    }
}

fn fetch(file: &HubFile) -> anyhow::Result<PathBuf> {
    let hub = Hub::new(environment::hub(&|name| std::env::var(name).ok())?)?;
    let style = ProgressStyle::with_template("{msg}  {bar:30} {bytes}/{total_bytes}  {bytes_per_sec}  ETA {eta}")
        .expect("the template is well-formed");
    let mut bar = ProgressBar::hidden();
    let fetched = hub.fetch(file, &mut |progress| {
        let line = |text: String| if bar.is_hidden() { eprintln!("{text}") } else { bar.println(text) };
        match progress {
            Progress::Bytes { done, total } => {
                if bar.length() != Some(total) {
                    bar = ProgressBar::new(total).with_style(style.clone()).with_message(file.to_string());
                    // What an earlier try brought says nothing about the rate of this one.
                    bar.set_position(done);
                    bar.reset_eta();
                    if bar.is_hidden() {
                        eprintln!("fetching {file}, {}", HumanBytes(total));
                    }
                }
                bar.set_position(done);
            }
            Progress::Waiting { error, pause } => line(format!("{error}; trying again in {pause:?}")),
            Progress::Locked => line(format!("another process fetches {file}: waiting for it")),
            Progress::Stale { error } => line(format!("{error}; the copy of an earlier run is used")),
        }
    });
    bar.finish_and_clear();
    Ok(fetched?)
}

/// Refuses published weights that pad otherwise than `backbone`: nothing else would tell, and the network would only be
/// worse.
pub(crate) fn check_padding(source: &WeightsSource, backbone: &dyn Backbone) -> anyhow::Result<()> {
    let WeightsSource::Hub(file) = source else { return Ok(()) };
    let own = backbone.padding();
    match published::padding(file) {
        Some(Padding::Same) if own == Padding::Symmetric => {
            bail!("{file} pads as TensorFlow does and {backbone} does not: take tf_{backbone} as the backbone")
        }
        Some(Padding::Symmetric) if own == Padding::Same => {
            bail!("{file} pads evenly and {backbone} as TensorFlow does: take weights whose name begins with tf_")
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn weights_of_the_other_padding_are_refused() {
        for (source, architecture, fits) in [
            ("hf://timm/efficientnet_b2.ra_in1k", "efficientnet_b2", true),
            ("hf://timm/efficientnet_b2.ra_in1k", "tf_efficientnet_b2", false),
            ("hf://timm/tf_efficientnet_b2.ns_jft_in1k", "tf_efficientnet_b2", true),
            ("hf://timm/tf_efficientnet_b2.ns_jft_in1k", "efficientnet_b2", false),
            ("hf://timm/tf_efficientnet_lite0.in1k", "efficientnet_lite0", true),
            ("hf://timm/efficientnet_lite0.ra_in1k", "efficientnet_lite0", false),
            ("hf://someone/weights", "efficientnet_b2", true),
            ("models/tf_efficientnet_b2.pth", "efficientnet_b2", true),
        ] {
            let source = WeightsSource::of(Path::new(source)).expect("sound");
            let answer = check_padding(&source, architecture.parse().expect("known"));
            assert_eq!(answer.is_ok(), fits, "{source} for {architecture}: {answer:?}");
        }
    }
}
