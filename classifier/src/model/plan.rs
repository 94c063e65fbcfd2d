//! How published weights want images.

use engine::efficientnet::{Architecture, Normalisation};
use vision::PreprocessPlan;
use vision::preprocess::{Filter, Fit};

/// How the published weights of `architecture` want images, stretched to [`Variant::resolution`]: bilinear for Lite0,
/// bicubic for the others, colours by [`Architecture::normalisation`].
///
/// [`Variant::resolution`]: engine::efficientnet::Variant::resolution
#[must_use]
pub fn usual_plan(architecture: Architecture) -> PreprocessPlan {
    let side = architecture.variant.resolution();
    let filter = if architecture.variant.is_lite() { Filter::BilinearAntialias } else { Filter::BicubicAntialias };
    let Normalisation { mean, std } = architecture.normalisation();
    PreprocessPlan { width: side, height: side, fit: Fit::Stretch, filter, pad: 127, mean, std }
}
