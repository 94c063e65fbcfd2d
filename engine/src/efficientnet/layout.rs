//! The native layout of weights (timm's, see [`super::Backbone::load`]): which convolutions there are, and what others call
//! them.

use std::collections::BTreeMap;

use super::config::{BlockShape, Config};

/// Name and shape of every convolution's weights: what tells one network from another.
#[must_use]
pub fn convolutions(config: &Config) -> BTreeMap<String, Vec<usize>> {
    let mut all = BTreeMap::new();
    let mut put = |name: String, shape: [usize; 4]| {
        all.insert(format!("{name}.weight"), shape.to_vec());
    };
    put("conv_stem".to_owned(), [config.stem, 3, 3, 3]);
    let mut last = config.stem;
    for BlockShape { stage, place, input, output, kernel, expansion, .. } in config.blocks() {
        let block = |layer: &str| format!("blocks.{stage}.{place}.{layer}");
        let wide = input * expansion;
        if expansion == 1 {
            put(block("conv_pw"), [output, wide, 1, 1]);
        } else {
            put(block("conv_pw"), [wide, input, 1, 1]);
            put(block("conv_pwl"), [output, wide, 1, 1]);
        }
        put(block("conv_dw"), [wide, 1, kernel, kernel]);
        if let Some(squeezed) = config.squeezed(input) {
            put(block("se.conv_reduce"), [squeezed, wide, 1, 1]);
            put(block("se.conv_expand"), [wide, squeezed, 1, 1]);
        }
        last = output;
    }
    put("conv_head".to_owned(), [config.head, last, 1, 1]);
    all
}

/// Every convolution (`conv_stem`) that a batch norm follows, and that norm (`bn1`).
#[must_use]
pub fn norms(config: &Config) -> Vec<(String, String)> {
    let pair = |conv: &str, norm: &str| (conv.to_owned(), norm.to_owned());
    let mut all = vec![pair("conv_stem", "bn1")];
    for BlockShape { stage, place, expansion, .. } in config.blocks() {
        let layers: &[&str] =
            if expansion == 1 { &["conv_dw", "conv_pw"] } else { &["conv_pw", "conv_dw", "conv_pwl"] };
        all.extend((1..).zip(layers).map(|(number, layer)| {
            (format!("blocks.{stage}.{place}.{layer}"), format!("blocks.{stage}.{place}.bn{number}"))
        }));
    }
    all.push(pair("conv_head", "bn2"));
    all
}

/// The native name of a tensor, under its native name or under that of the PyTorch ports of Google's weights
/// (`blocks.7._project_conv.weight`, blocks counted through); `None` for one that the network has no use for, such as a
/// constant an exporter added.
#[must_use]
pub fn native_name(name: &str, config: &Config) -> Option<String> {
    const TOP: [&str; 6] = ["conv_stem.", "bn1.", "conv_head.", "bn2.", "classifier.", "embedding."];
    if TOP.iter().any(|prefix| name.starts_with(prefix)) {
        return Some(name.to_owned());
    }
    for (port, native) in
        [("_conv_stem.", "conv_stem."), ("_bn0.", "bn1."), ("_conv_head.", "conv_head."), ("_bn1.", "bn2.")]
    {
        if let Some(rest) = name.strip_prefix(port) {
            return Some(format!("{native}{rest}"));
        }
    }
    if let Some(rest) = name.strip_prefix("fc.").or_else(|| name.strip_prefix("_fc.")) {
        return Some(format!("classifier.{rest}"));
    }
    let (index, rest) = name.trim_start_matches('_').strip_prefix("blocks.")?.split_once('.')?;
    let index: usize = index.parse().ok()?;
    if !rest.starts_with('_') {
        // `blocks.S.I.conv_dw.weight`: a second number follows.
        return rest.starts_with(|c: char| c.is_ascii_digit()).then(|| name.to_owned());
    }
    let (layer, tensor) = rest.split_once('.')?;
    let (stage, position, widens) = place(index, config)?;
    // A block that does not widen has no first 1x1 convolution, and timm counts what it has from one.
    let layer = match (layer, widens) {
        ("_expand_conv", true) => "conv_pw",
        ("_bn0", true) => "bn1",
        ("_depthwise_conv", _) => "conv_dw",
        ("_bn1", true) => "bn2",
        ("_bn1", false) => "bn1",
        ("_se_reduce", _) => "se.conv_reduce",
        ("_se_expand", _) => "se.conv_expand",
        ("_project_conv", true) => "conv_pwl",
        ("_project_conv", false) => "conv_pw",
        ("_bn2", true) => "bn3",
        ("_bn2", false) => "bn2",
        _ => return None,
    };
    Some(format!("blocks.{stage}.{position}.{layer}.{tensor}"))
}

/// Stage, place in it, and whether the block widens, of the block that is `index`-th when counted through.
fn place(mut index: usize, config: &Config) -> Option<(usize, usize, bool)> {
    for (number, stage) in config.stages.iter().enumerate() {
        if index < stage.repeats {
            return Some((number, index, stage.expansion != 1));
        }
        index -= stage.repeats;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::Variant;
    use super::*;

    #[test]
    fn published_names_are_native() {
        // A stem, a block of each kind and a head, as timm's state dicts spell them; `tf_` networks differ in nothing.
        let config = Config::of(Variant::B2);
        let norm = ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"];
        let layers = ["conv_stem.weight", "conv_head.weight", "classifier.weight", "classifier.bias"];
        let mut names: Vec<String> = layers.map(str::to_owned).into();
        for (block, convs, norms) in [("0.0", &["dw", "pw"][..], 2), ("6.1", &["pw", "dw", "pwl"], 3)] {
            names.extend(convs.iter().map(|conv| format!("blocks.{block}.conv_{conv}.weight")));
            names.extend(["reduce", "expand"].map(|part| format!("blocks.{block}.se.conv_{part}.weight")));
            names.extend(["reduce", "expand"].map(|part| format!("blocks.{block}.se.conv_{part}.bias")));
            names.extend((1..=norms).flat_map(|at| norm.map(|part| format!("blocks.{block}.bn{at}.{part}"))));
        }
        names.extend(["bn1", "bn2"].into_iter().flat_map(|bn| norm.map(|part| format!("{bn}.{part}"))));
        for name in names {
            assert_eq!(native_name(&name, &config).as_ref(), Some(&name));
            let is_conv = name.contains("conv") && name.ends_with(".weight");
            assert_eq!(convolutions(&config).contains_key(&name), is_conv, "{name}");
        }
    }

    #[test]
    fn ported_names_become_native() {
        let config = Config::of(Variant::Lite0);
        for (name, native) in [
            ("conv_stem.weight", Some("conv_stem.weight")),
            ("blocks.0._depthwise_conv.bias", Some("blocks.0.0.conv_dw.bias")),
            ("blocks.0._project_conv.weight", Some("blocks.0.0.conv_pw.weight")),
            ("blocks.1._expand_conv.weight", Some("blocks.1.0.conv_pw.weight")),
            ("blocks.2._project_conv.weight", Some("blocks.1.1.conv_pwl.weight")),
            ("blocks.15._project_conv.weight", Some("blocks.6.0.conv_pwl.weight")),
            ("blocks.9._bn0.running_mean", Some("blocks.4.1.bn1.running_mean")),
            ("blocks.0._bn1.weight", Some("blocks.0.0.bn1.weight")),
            ("_conv_head.weight", Some("conv_head.weight")),
            ("_blocks.1._bn2.bias", Some("blocks.1.0.bn3.bias")),
            ("_bn1.running_var", Some("bn2.running_var")),
            ("fc.bias", Some("classifier.bias")),
            ("blocks.6.0.conv_pwl.weight", Some("blocks.6.0.conv_pwl.weight")),
            ("blocks.16._project_conv.weight", None),
            ("blocks.0._expand_conv.weight", None),
            ("blocks.x.conv.weight", None),
            ("zero", None),
            ("onnx::Conv_12", None),
        ] {
            assert_eq!(native_name(name, &config).as_deref(), native, "{name}");
        }
    }
}
