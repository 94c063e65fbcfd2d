//! Drinking glasses, empty.

use super::Plan;
use crate::color::hex;
use crate::container::{Body, Clear, Container, Handle, Recipe, Top};
use crate::shapes;
use crate::sku::{Appearance, Class};

pub(super) fn glass(mut plan: Plan<'_>) -> (Appearance, Class, (f32, f32)) {
    let kind = plan.member.below(5);
    let shape = shapes::glass(kind, &mut plan.member);
    let tint = *plan.member.pick(&[0xf4faf8, 0xf4faf8, 0xf1f6fb, 0xd9efe6]);
    let h = shape.profile.height;
    let recipe = Recipe {
        wall: hex(tint),
        wall_strength: 0.5,
        drink: hex(0xe9f3f2),
        strength: 0.6,
        cloudy: 0.03,
        fill: shape.fill,
    };
    // Thin walls: nearly everything behind is seen straight through.
    let mut clear = Clear::new(&recipe);
    clear.straight = (0.80, 0.93);
    let mut container = Container::new(shape.profile, shape.section, Body::Clear(clear), Vec::new(), Top::Open);
    if kind == 2 {
        container.handle = Some(Handle { low: h * 0.2, high: h * 0.86, reach: 34.0, thick: 11.0 });
    }
    (Appearance::Turned(Box::new(container)), Class::Glass, (2.0, 9.0))
}
