//! What the name of published weights says that their tensors do not.

use engine::Backbone;
use engine::backbone::Padding;
use hub::HubFile;

/// How the networks of the repository `timm/NAME.TRAINING` pad: `tf_` leads the names of those that do it as TensorFlow does.
/// `None` for repositories of others and for networks that are not known here.
#[must_use]
pub(crate) fn padding(file: &HubFile) -> Option<Padding> {
    let name = file.repo().split('.').next().filter(|_| file.owner() == "timm")?;
    name.parse::<&dyn Backbone>().ok()?;
    // Not what the backbone of that name pads like here: `efficientnet_lite0` means Google's, but timm has one of its own.
    Some(if name.starts_with("tf_") { Padding::Same } else { Padding::Symmetric })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_says_how_weights_pad() {
        let of = |file: &str| padding(&file.parse().unwrap());
        assert_eq!(of("hf://timm/tf_efficientnet_b2.ns_jft_in1k"), Some(Padding::Same));
        assert_eq!(of("hf://timm/efficientnet_b2.ra_in1k"), Some(Padding::Symmetric));
        assert_eq!(of("hf://someone/efficientnet_b2"), None);
    }
}
