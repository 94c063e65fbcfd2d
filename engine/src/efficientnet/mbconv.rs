//! EfficientNet's block: widen (1x1), filter each channel (k x k), weigh the channels, narrow (1x1).
//!
//! "Mobile inverted bottleneck" of MobileNetV2 (Sandler et al. 2018) with squeeze-and-excitation (Tan et al. 2019). With an
//! expansion of one the first 1x1 is left out, and timm names the rest as it names a depthwise-separable block.

use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;

use super::config::BlockShape;
use super::layers::{Build, Conv, Pointwise, SqueezeExcite};

/// One block.
#[derive(Debug, Clone)]
pub struct MbConv {
    expand: Option<Pointwise>,
    depthwise: Conv,
    squeeze: Option<SqueezeExcite>,
    project: Pointwise,
    residual: bool,
}

impl MbConv {
    /// Loads a block in timm's layout.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape.
    pub fn load(vb: &VarBuilder, shape: BlockShape, build: Build<'_>) -> Result<Self> {
        let config = build.config;
        let wide = shape.input * shape.expansion;
        let widens = shape.expansion != 1;
        let (depthwise_norm, project_names) =
            if widens { ("bn2", ("conv_pwl", "bn3")) } else { ("bn1", ("conv_pw", "bn2")) };
        let expand = widens
            .then(|| Pointwise::load(vb, ("conv_pw", "bn1"), (shape.input, wide), Some(config.activation), build))
            .transpose()?;
        let kernel = [wide, 1, shape.kernel, shape.kernel];
        let depthwise = Conv::load(vb, ("conv_dw", depthwise_norm), kernel, shape.stride, build)?;
        let squeeze = config
            .squeezed(shape.input)
            .map(|squeezed| SqueezeExcite::load(&vb.pp("se"), wide, squeezed, build))
            .transpose()?;
        let project = Pointwise::load(vb, project_names, (wide, shape.output), None, build)?;
        let residual = shape.stride == 1 && shape.input == shape.output;
        Ok(Self { expand, depthwise, squeeze, project, residual })
    }

    /// (N, input, H, W) -> (N, output, H / stride, W / stride)
    ///
    /// # Errors
    /// When candle fails.
    pub fn forward_t(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        let wide = match &self.expand {
            Some(expand) => &expand.forward_t(x, train)?,
            None => x,
        };
        let mut y = self.depthwise.forward_t(wide, train)?;
        if let Some(squeeze) = &self.squeeze {
            y = squeeze.forward(&y)?;
        }
        let y = self.project.forward_t(&y, train)?;
        if self.residual { y + x } else { Ok(y) }
    }
}
