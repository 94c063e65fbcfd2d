//! Configuration, which operators write, and which must not hang a server that starts.

use std::path::Path;

use pipeline::PipelineConfig;
use pipeline::config::Overrides;

use super::{Answer, Target};
use crate::judge::MAX_TIME;

pub(super) const PIPELINE: Target = Target {
    name: "pipeline",
    run,
    words: &[
        b"&a ",
        b"*a",
        b"<<: *a",
        b"- ",
        b": ",
        b"? ",
        b"| ",
        b"> ",
        b"!!binary ",
        b"{",
        b"}",
        b"[",
        b"]",
        b".nan",
        b".inf",
        b"---\n",
        b"detector:",
        b"gallery:",
        b"engine:",
        b"1e999",
        b"0x7fffffffffffffff",
    ],
    mend: None,
    max_mib: 64,
    max_time: MAX_TIME,
};

fn run(data: &[u8]) -> Answer {
    let Ok(text) = std::str::from_utf8(data) else { return Answer::Refused("not text".to_owned()) };
    let config = PipelineConfig::parse(text, Path::new("pipeline.yaml"), &Overrides::default());
    if let Ok(config) = &config
        && !(0.0..=1.0).contains(&config.rule.threshold)
    {
        return Answer::Wrong(format!("a threshold of {}", config.rule.threshold));
    }
    Answer::of(config, |config| format!("{:?} {:?}", config.index, config.options.detect.tiling))
}
