//! Cans.

use std::f32::consts::TAU;

use super::{Plan, round};
use crate::art::{beer, soda};
use crate::container::{Body, Container, Surface, Top, Zone};
use crate::light::Gloss;
use crate::shapes;
use crate::sku::{Appearance, Class};

pub(super) fn can(mut plan: Plan<'_>, brewed: bool) -> (Appearance, Class, (f32, f32)) {
    let design = plan.design;
    let sleek = plan.family.chance(0.35);
    let (h, r) = match (plan.volume, sleek) {
        (500, _) => (167.5, 33.0),
        (250, _) => (134.0, 26.5),
        (_, true) => (145.0, 29.0),
        _ => (115.2, 33.0),
    };
    let shape = shapes::can(h, r);
    let art = round(
        |w, h| if brewed { beer::can(design, w, h) } else { soda::wrap(design, w, h) },
        TAU * r,
        shape.label.1 - shape.label.0,
    );
    let metal = plan.family.range(0.25, 0.75);
    let (low, high) = shape.label;
    let zones = vec![Zone { low, high, surface: Surface::Print { art, metal, gloss: Gloss::Satin, shine: 1.0 } }];
    let body = Body::Solid { color: [0.62, 0.63, 0.65], metal: 1.0, shine: 1.0 };
    let container = Container::new(shape.profile, shape.section, body, zones, Top::Lid);
    (Appearance::Turned(Box::new(container)), Class::Can, (0.0, 2.0))
}
