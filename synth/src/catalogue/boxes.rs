//! Cartons, packs, jars and pouches: what a detector calls an unknown container.

use std::f32::consts::TAU;

use super::{Plan, flat, round};
use crate::art::{dairy, pack as pack_art, pantry};
use crate::carton::Carton;
use crate::color::{hex, linear, mix};
use crate::container::{Body, Clear, Container, Recipe, Surface, Top, Zone};
use crate::light::Gloss;
use crate::shapes;
use crate::sku::{Appearance, Class};

type Made = (Appearance, Class, (f32, f32));

pub(super) fn carton(mut plan: Plan<'_>) -> Made {
    let design = plan.design;
    let kind = plan.family.below(4);
    if kind == 3 {
        return jug(plan);
    }
    let (size, gable) = match kind {
        0 => ([70.0, 195.0, 70.0], 42.0),
        1 => ([74.0, 178.0, 92.0], 0.0),
        _ => ([70.0, 200.0, 60.0], 36.0),
    };
    let [w, h, d] = size;
    let front = flat(|x, y| dairy::face(design, x, y, true), w, h);
    let side = flat(|x, y| dairy::face(design, x, y, false), d, h);
    let roof = linear(if plan.family.chance(0.5) { design.flavour.color } else { hex(0xf2f2ee) });
    let cap = if gable > 0.0 && plan.family.chance(0.6) { 13.0 } else { 0.0 };
    (
        Appearance::Boxed(Box::new(Carton { size, gable, roof, cap, front, side, shine: 0.7 })),
        Class::UnknownContainer,
        (0.0, 3.0),
    )
}

fn jug(mut plan: Plan<'_>) -> Made {
    let design = plan.design;
    let shape = shapes::jug(plan.family.range(225.0, 255.0), plan.family.range(43.0, 49.0), &mut plan.family);
    let art = round(|w, h| pantry::jar(design, w, h), TAU * shape.profile.widest, shape.label.1 - shape.label.0);
    let cap = linear(design.flavour.color);
    let zones = vec![
        Zone {
            low: shape.label.0,
            high: shape.label.1,
            surface: Surface::Print { art, metal: 0.0, gloss: Gloss::Satin, shine: 0.6 },
        },
        Zone {
            low: shape.cap.0,
            high: shape.cap.1,
            surface: Surface::Plain { color: cap, metal: 0.0, ridges: 50.0, shine: 0.7 },
        },
    ];
    let color = linear(mix(hex(0xf3f1ea), design.flavour.drink, 0.5));
    let container = Container::new(
        shape.profile,
        shape.section,
        Body::Solid { color, metal: 0.0, shine: 0.7 },
        zones,
        Top::Flat(cap),
    );
    (Appearance::Turned(Box::new(container)), Class::Bottle, (1.0, 4.0))
}

pub(super) fn pack(mut plan: Plan<'_>) -> Made {
    let design = plan.design;
    let (count, size) =
        *plan.family.pick(&[(6, [200.0, 118.0, 132.0]), (8, [264.0, 118.0, 132.0]), (10, [264.0, 118.0, 160.0])]);
    let [w, h, d] = size;
    let front = flat(|x, y| pack_art::side(design, x, y, count), w, h);
    let side = flat(|x, y| pack_art::end(design, x, y), d, h);
    let roof = linear(mix(design.flavour.color, [1.0; 3], 0.08));
    (
        Appearance::Boxed(Box::new(Carton { size, gable: 0.0, roof, cap: 0.0, front, side, shine: 2.0 })),
        Class::UnknownContainer,
        (4.0, 9.0),
    )
}

pub(super) fn jar(mut plan: Plan<'_>) -> Made {
    let design = plan.design;
    let (h, r) = (plan.family.range(95.0, 140.0), plan.family.range(32.0, 39.0));
    let shape = shapes::jar(h, r, &mut plan.family);
    let recipe = Recipe {
        wall: hex(0xf0f8f4),
        wall_strength: 0.3,
        drink: design.flavour.drink,
        strength: 1.6,
        cloudy: 0.7,
        fill: shape.fill,
    };
    let art = round(|w, h| pantry::jar(design, w, h), TAU * r, shape.label.1 - shape.label.0);
    let lid = linear(*plan.family.pick(&[design.flavour.color, hex(0xc9a24a), hex(0xe9e9e6), design.base]));
    let zones = vec![
        Zone {
            low: shape.label.0,
            high: shape.label.1,
            surface: Surface::Print { art, metal: 0.0, gloss: Gloss::Matt, shine: 0.6 },
        },
        Zone {
            low: shape.cap.0,
            high: shape.cap.1,
            surface: Surface::Plain { color: lid, metal: 0.35, ridges: 0.0, shine: 1.0 },
        },
    ];
    let container =
        Container::new(shape.profile, shape.section, Body::Clear(Clear::new(&recipe)), zones, Top::Flat(lid));
    (Appearance::Turned(Box::new(container)), Class::UnknownContainer, (1.0, 5.0))
}

pub(super) fn pouch(plan: &Plan<'_>) -> Made {
    let design = plan.design;
    let shape = shapes::pouch(168.0, 49.0);
    let art = round(|w, h| pantry::pouch(design, w, h), TAU * 42.0, 168.0);
    let zones = vec![Zone {
        low: 0.0,
        high: 168.0,
        surface: Surface::Print { art, metal: 0.3, gloss: Gloss::Satin, shine: 1.3 },
    }];
    let color = linear(design.flavour.color);
    let container = Container::new(
        shape.profile,
        shape.section,
        Body::Solid { color, metal: 0.2, shine: 1.0 },
        zones,
        Top::Flat(color),
    );
    (Appearance::Turned(Box::new(container)), Class::UnknownContainer, (1.0, 4.0))
}
