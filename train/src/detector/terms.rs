//! The parts of the loss, each with its gradient worked out by hand. All in double precision: it costs nothing beside the
//! network, and the gradients can be checked against differences.

use detector::model::head::REG_MAX;

/// Corners `x1, y1, x2, y2`.
pub type Corners = [f64; 4];

/// Keeps quotients of empty boxes finite.
const EPSILON: f64 = 1e-7;

/// The probability of a logit.
#[must_use]
pub fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// Binary cross-entropy of a logit against `target` in `0..=1`, and its derivative:
/// `max(x, 0) - x t + ln(1 + e^-|x|)`, `sigmoid(x) - t`.
#[must_use]
pub fn cross_entropy(logit: f64, target: f64) -> (f64, f64) {
    let value = logit.max(0.0) - logit * target + (-logit.abs()).exp().ln_1p();
    (value, sigmoid(logit) - target)
}

/// Softmax, and the index expected under it.
#[must_use]
pub fn distribution(logits: &[f64; REG_MAX]) -> ([f64; REG_MAX], f64) {
    let highest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut probabilities = logits.map(|logit| (logit - highest).exp());
    let sum: f64 = probabilities.iter().sum();
    let mut expected = 0.0;
    for (bin, probability) in probabilities.iter_mut().enumerate() {
        *probability /= sum;
        expected += bin as f64 * *probability;
    }
    (probabilities, expected)
}

/// Derivative of the expected index: `p_i (i - e)`.
#[must_use]
pub fn distribution_gradient(probabilities: &[f64; REG_MAX], expected: f64) -> [f64; REG_MAX] {
    std::array::from_fn(|bin| probabilities[bin] * (bin as f64 - expected))
}

/// Distribution focal loss of one side, and its derivative by the logits (Li et al., "Generalized Focal Loss", 2020,
/// equation 6): cross-entropy against the two bins around `target`, weighted by nearness. `target` is in strides, cut to
/// what the bins reach.
#[must_use]
pub fn distribution_focal(probabilities: &[f64; REG_MAX], target: f64) -> (f64, [f64; REG_MAX]) {
    let target = target.clamp(0.0, (REG_MAX - 1) as f64 - 0.01);
    let below = target as usize;
    let above = target - below as f64;
    let ln = |probability: f64| probability.max(f64::MIN_POSITIVE).ln();
    let value = -(1.0 - above) * ln(probabilities[below]) - above * ln(probabilities[below + 1]);
    let mut gradient = *probabilities;
    gradient[below] -= 1.0 - above;
    gradient[below + 1] -= above;
    (value, gradient)
}

/// What complete IoU consists of (Zheng et al., "Distance-IoU Loss", 2020): `overlap - distance - alpha * shape`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CompleteIou {
    /// Intersection over union.
    pub overlap: f64,
    /// Squared distance of the centres, by the squared diagonal of the box around both.
    pub distance: f64,
    /// `4 / pi^2 (atan(w / h) - atan(w' / h'))^2`
    pub shape: f64,
    /// `shape / (1 - overlap + shape)`: a weight, not differentiated (equation 12 there).
    pub alpha: f64,
}

impl CompleteIou {
    /// `overlap - distance - alpha * shape`, at most one.
    #[must_use]
    pub fn value(&self) -> f64 {
        self.overlap - self.distance - self.alpha * self.shape
    }

    /// Of two boxes.
    #[must_use]
    pub fn of(a: &Corners, b: &Corners) -> Self {
        Self::with_gradient(a, b).0
    }

    /// The same, and the derivative of its value by the corners of `a` while `alpha` stays.
    #[must_use]
    pub fn with_gradient(a: &Corners, b: &Corners) -> (Self, Corners) {
        let (w, h) = (a[2] - a[0], a[3] - a[1]);
        let (w2, h2) = (b[2] - b[0], b[3] - b[1]);
        // Sides of the intersection, and whether `a` makes its lower and upper edge.
        let side = |axis: usize| {
            let (low, high) = (a[axis].max(b[axis]), a[axis + 2].min(b[axis + 2]));
            let open = high > low;
            let moves = |own: bool| f64::from(u8::from(open && own));
            ((high - low).max(0.0), -moves(a[axis] > b[axis]), moves(a[axis + 2] < b[axis + 2]))
        };
        let ((iw, iw_low, iw_high), (ih, ih_low, ih_high)) = (side(0), side(1));
        let intersection = iw * ih;
        let union = w * h + w2 * h2 - intersection + EPSILON;
        let overlap = intersection / union;
        let d_intersection = [iw_low * ih, ih_low * iw, iw_high * ih, ih_high * iw];
        let d_area = [-h, -w, h, w];
        let d_overlap: Corners = std::array::from_fn(|i| {
            let d_union = d_area[i] - d_intersection[i];
            (d_intersection[i] - overlap * d_union) / union
        });

        let around = |axis: usize| a[axis + 2].max(b[axis + 2]) - a[axis].min(b[axis]);
        let (cw, ch) = (around(0), around(1));
        let diagonal = cw * cw + ch * ch + EPSILON;
        let (dx, dy) = ((a[0] + a[2] - b[0] - b[2]) / 2.0, (a[1] + a[3] - b[1] - b[3]) / 2.0);
        let distance = (dx * dx + dy * dy) / diagonal;
        let outer = |own: bool, value: f64| if own { value } else { 0.0 };
        let d_diagonal = [
            outer(a[0] < b[0], -2.0 * cw),
            outer(a[1] < b[1], -2.0 * ch),
            outer(a[2] > b[2], 2.0 * cw),
            outer(a[3] > b[3], 2.0 * ch),
        ];
        let d_squared = [dx, dy, dx, dy];
        let d_distance: Corners = std::array::from_fn(|i| (d_squared[i] - distance * d_diagonal[i]) / diagonal);

        let scale = 4.0 / (std::f64::consts::PI * std::f64::consts::PI);
        let angle = (w / (h + EPSILON)).atan() - (w2 / (h2 + EPSILON)).atan();
        let shape = scale * angle * angle;
        let alpha = shape / (1.0 - overlap + shape + EPSILON);
        let h = h + EPSILON;
        let by_angle = 2.0 * scale * angle / (w * w + h * h);
        let (by_w, by_h) = (by_angle * h, -by_angle * w);
        let d_shape = [-by_w, -by_h, by_w, by_h];

        let gradient = std::array::from_fn(|i| d_overlap[i] - d_distance[i] - alpha * d_shape[i]);
        (Self { overlap, distance, shape, alpha }, gradient)
    }
}
