//! Bottles of PET and glass.

use std::f32::consts::TAU;

use super::{Plan, round};
use crate::art::{beer, soda, water, wine};
use crate::color::{Rgb, hex, linear, luma, mix};
use crate::container::{Body, Clear, Container, Recipe, Surface, Top, Zone};
use crate::light::Gloss;
use crate::shapes;
use crate::sku::{Appearance, Class, Sort};
use crate::words::Fruit;

/// Walls of glass bottles.
const GREEN: Rgb = [0.30, 0.62, 0.22];
const DARK_GREEN: Rgb = [0.16, 0.36, 0.14];
const BROWN: Rgb = [0.46, 0.21, 0.04];
const CLEAR: Rgb = [0.96, 0.99, 0.975];

pub(super) fn bottle(sort: Sort, plan: Plan<'_>) -> (Appearance, Class, (f32, f32)) {
    let (container, price) = match sort {
        Sort::LargePet | Sort::SmallPet => (soft(plan), (1.0, 3.0)),
        Sort::Water => (still(plan), (0.0, 2.0)),
        Sort::Juice => (juice(plan), (1.0, 4.0)),
        Sort::Beer => (brewed(plan), (1.0, 3.0)),
        Sort::Wine => (vintage(plan), (4.0, 19.0)),
        _ => (strong(plan), (9.0, 39.0)),
    };
    (Appearance::Turned(Box::new(container)), Class::Bottle, price)
}

fn print(art: crate::texture::Texture, (low, high): (f32, f32), gloss: Gloss, shine: f32) -> Zone {
    Zone { low, high, surface: Surface::Print { art, metal: 0.0, gloss, shine } }
}

fn plain((low, high): (f32, f32), color: Rgb, (metal, ridges, shine): (f32, f32, f32)) -> Zone {
    Zone { low, high, surface: Surface::Plain { color: linear(color), metal, ridges, shine } }
}

fn soft(mut plan: Plan<'_>) -> Container {
    let design = plan.design;
    let (h, r) = match plan.volume {
        2000 => (334.0, 52.0),
        1500 => (322.0, 45.5),
        1250 => (300.0, 43.0),
        500 => (228.0, 32.5),
        _ => (194.0, 29.0),
    };
    let shape = shapes::pet(h, r, &mut plan.family);
    let cola = luma(design.flavour.drink) < 0.12;
    let green_wall = plan.family.chance(0.12) && !cola;
    let cloudy = if cola {
        0.0
    } else if design.flavour.fruit == Fruit::Citrus || plan.family.chance(0.5) {
        plan.family.range(0.12, 0.8)
    } else {
        0.02
    };
    let recipe = Recipe {
        wall: if green_wall { hex(0x1f9a3c) } else { CLEAR },
        wall_strength: if green_wall { 1.3 } else { 0.3 },
        drink: if green_wall { hex(0xeef6e2) } else { design.flavour.drink },
        strength: if cola {
            2.4
        } else if green_wall {
            0.5
        } else {
            1.1
        },
        cloudy: if green_wall { 0.02 } else { cloudy },
        fill: shape.fill,
    };
    let cap = if plan.family.chance(0.6) { design.flavour.color } else { design.base };
    let cap = if luma(cap) > 0.9 { hex(0xf4f4f2) } else { cap };
    let art = round(
        |w, h| soda::wrap(design, w, h),
        TAU * shape.profile.radius_at(shape.label.0 + 5.0),
        shape.label.1 - shape.label.0,
    );
    let zones = vec![print(art, shape.label, Gloss::Satin, 0.9), plain(shape.cap, cap, (0.0, 60.0, 0.8))];
    let mut container =
        Container::new(shape.profile, shape.section, Body::Clear(Clear::new(&recipe)), zones, Top::Flat(linear(cap)));
    container.petals = Some((5.0, h * 0.10));
    container
}

fn still(mut plan: Plan<'_>) -> Container {
    let design = plan.design;
    let (h, r) = match plan.volume {
        1500 => (318.0, 43.5),
        750 => (256.0, 36.0),
        _ => (220.0, 31.5),
    };
    let shape = shapes::water(h, r, &mut plan.family);
    let wall = *plan.family.pick(&[CLEAR, hex(0xbfe4fb), hex(0x9fd2f5), hex(0xc9f0dc)]);
    let recipe = Recipe {
        wall,
        wall_strength: 0.55,
        drink: design.flavour.drink,
        strength: 0.35,
        cloudy: 0.0,
        fill: shape.fill,
    };
    let art = round(
        |w, h| water::wrap(design, w, h),
        TAU * shape.profile.radius_at(shape.label.0 + 5.0),
        shape.label.1 - shape.label.0,
    );
    let cap = mix(design.flavour.color, [1.0; 3], plan.family.range(0.0, 0.3));
    let zones = vec![print(art, shape.label, Gloss::Satin, 1.0), plain(shape.cap, cap, (0.0, 60.0, 0.8))];
    Container::new(shape.profile, shape.section, Body::Clear(Clear::new(&recipe)), zones, Top::Flat(linear(cap)))
}

fn juice(mut plan: Plan<'_>) -> Container {
    let design = plan.design;
    let (h, r) = if plan.volume == 1000 { (246.0, 41.0) } else { (172.0, 29.0) };
    let shape = shapes::juice(h, r, &mut plan.family);
    let recipe = Recipe {
        wall: CLEAR,
        wall_strength: 0.3,
        drink: design.flavour.drink,
        strength: 1.4,
        cloudy: plan.family.range(0.6, 1.3),
        fill: shape.fill,
    };
    let art = round(|w, h| soda::wrap(design, w, h), TAU * r, shape.label.1 - shape.label.0);
    let cap = *plan.family.pick(&[hex(0xf3f3f0), design.base, hex(0x2f9a44), design.accent]);
    let zones = vec![print(art, shape.label, Gloss::Satin, 0.8), plain(shape.cap, cap, (0.0, 70.0, 0.7))];
    Container::new(shape.profile, shape.section, Body::Clear(Clear::new(&recipe)), zones, Top::Flat(linear(cap)))
}

fn brewed(mut plan: Plan<'_>) -> Container {
    let design = plan.design;
    let (h, r) = if plan.volume == 330 { (228.0, 30.5) } else { (262.0, 34.0) };
    let shape = shapes::beer(h, r, &mut plan.family);
    let wall = *plan.family.pick(&[BROWN, BROWN, GREEN, CLEAR, BROWN, GREEN]);
    let strength = if wall == CLEAR {
        0.3
    } else if wall == BROWN {
        1.35
    } else {
        1.1
    };
    let recipe = Recipe {
        wall,
        wall_strength: strength,
        drink: design.flavour.drink,
        strength: 0.9,
        cloudy: 0.0,
        fill: shape.fill,
    };
    let (low, high) = shape.label;
    let art = round(|w, h| beer::label(design, w, h), TAU * r, high - low);
    let neck = round(|w, h| beer::neck(design, w, h), TAU * 16.0, shape.neck.1 - shape.neck.0);
    let crown = *plan.family.pick(&[design.flavour.color, hex(0xc9a24a), hex(0xd8dadd), design.base]);
    let zones = vec![
        print(art, shape.label, Gloss::Matt, 0.6),
        print(neck, shape.neck, Gloss::Matt, 0.6),
        plain(shape.cap, crown, (0.55, 21.0, 1.2)),
    ];
    Container::new(shape.profile, shape.section, Body::Clear(Clear::new(&recipe)), zones, Top::Flat(linear(crown)))
}

fn vintage(mut plan: Plan<'_>) -> Container {
    let design = plan.design;
    let kind = plan.family.below(4);
    let shape = shapes::wine(kind, &mut plan.family);
    let white = luma(design.flavour.drink) > 0.45;
    let wall = match (white, plan.family.below(3)) {
        (true, 0) => CLEAR,
        (true, 1) => hex(0xa7b86a),
        _ => DARK_GREEN,
    };
    let recipe = Recipe {
        wall,
        wall_strength: if wall == CLEAR { 0.3 } else { 1.2 },
        drink: design.flavour.drink,
        strength: if white { 0.6 } else { 2.2 },
        cloudy: 0.0,
        fill: shape.fill,
    };
    let r = shape.profile.widest;
    let art = round(|w, h| wine::label(design, w, h), TAU * r, shape.label.1 - shape.label.0);
    let foil = *plan.family.pick(&[design.flavour.color, hex(0x16161a), hex(0x7d0f22), hex(0xb89a4a), hex(0x1f3a2a)]);
    let zones = vec![print(art, shape.label, Gloss::Matt, 0.5), plain(shape.cap, foil, (0.5, 0.0, 1.2))];
    Container::new(shape.profile, shape.section, Body::Clear(Clear::new(&recipe)), zones, Top::Flat(linear(foil)))
}

fn strong(mut plan: Plan<'_>) -> Container {
    let design = plan.design;
    let kind = plan.family.below(4);
    let shape = shapes::spirit(kind, &mut plan.family);
    let wall = if design.flavour.word == "HERBAL" { GREEN } else { CLEAR };
    let pale = luma(design.flavour.drink) > 0.85;
    let recipe = Recipe {
        wall: if pale && plan.family.chance(0.3) { hex(0xbfe0ee) } else { wall },
        wall_strength: if wall == CLEAR { 0.4 } else { 1.3 },
        drink: design.flavour.drink,
        strength: if pale { 0.25 } else { 1.5 },
        cloudy: 0.0,
        fill: shape.fill,
    };
    let r = shape.profile.widest;
    let art = round(
        |w, h| wine::spirit(design, w, h),
        TAU * r * if kind == 2 { 0.8 } else { 1.05 },
        shape.label.1 - shape.label.0,
    );
    let cap = *plan.family.pick(&[
        hex(0x17171a),
        hex(0xb8933c),
        hex(0x6b3a1c),
        design.flavour.color,
        hex(0xd5d7da),
        hex(0x8e1420),
    ]);
    let metal = plan.family.range(0.0, 0.7);
    let mut zones = vec![
        print(art, shape.label, Gloss::Matt, 0.55),
        plain(shape.cap, cap, (metal, if plan.family.chance(0.5) { 44.0 } else { 0.0 }, 1.0)),
    ];
    if plan.family.chance(0.5) {
        let band = mix(design.flavour.color, [0.1; 3], 0.2);
        zones.push(plain(shape.neck, band, (0.3, 0.0, 0.8)));
    }
    Container::new(shape.profile, shape.section, Body::Clear(Clear::new(&recipe)), zones, Top::Flat(linear(cap)))
}
