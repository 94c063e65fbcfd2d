//! The products of a world: families of look-alikes, made from one seed.

mod bottles;
mod boxes;
mod cans;
mod glasses;

use std::collections::BTreeSet;

use rayon::prelude::*;

use super::art::tag::{self, TagStyle};
use super::art::{Design, GOLD, pack};
use super::canvas::Canvas;
use super::color::{Rgb, hsv};
use super::config::SynthConfig;
use super::rng::{Rng, derive};
use super::sku::{Sku, Sort};
use super::texture::Texture;
use super::words::{self, Flavour};

/// Products, by number.
#[derive(Debug, Clone)]
pub struct Catalogue {
    /// All of them; families lie together.
    pub skus: Vec<Sku>,
    /// Cards that shout.
    pub promotions: Vec<Texture>,
}

/// Families of each sort in a world of 32; others are scaled.
const MIX: &[(Sort, u32)] = &[
    (Sort::LargePet, 4),
    (Sort::SmallPet, 3),
    (Sort::Water, 2),
    (Sort::Juice, 2),
    (Sort::Can, 5),
    (Sort::Pack, 1),
    (Sort::Beer, 4),
    (Sort::Wine, 2),
    (Sort::Spirit, 3),
    (Sort::Carton, 2),
    (Sort::Jar, 1),
    (Sort::Pouch, 1),
    (Sort::Glassware, 2),
];

impl Catalogue {
    /// The products of a configuration, sampled from its seed alone.
    #[must_use]
    pub fn build(config: &SynthConfig) -> Self {
        let seed = derive(config.seed, 0xca7a);
        let families = sorts(config.families);
        let mut skus: Vec<Sku> = families
            .par_iter()
            .enumerate()
            .flat_map_iter(|(number, &sort)| family(sort, derive(seed, number as u64), config.variants))
            .collect();
        let mut taken = BTreeSet::new();
        for sku in &mut skus {
            // Two families may have got one name; codes tell them apart.
            let plain = sku.code.clone();
            let mut number = 2;
            while !taken.insert(sku.code.clone()) {
                sku.code = format!("{plain}-{number}");
                number += 1;
            }
        }
        let mut rng = Rng::new(derive(seed, 0x9803));
        let promotions = (0..10)
            .map(|_| {
                let price = words::price(&mut rng, 1.0, 9.0);
                Texture::new(&tag::promotion(&price, rng.next_u32().into()), false)
            })
            .collect();
        Self { skus, promotions }
    }
}

/// The sorts of this many families: every sort once before any comes a second time, then by [`MIX`].
fn sorts(families: u32) -> Vec<Sort> {
    let mut chosen: Vec<(Sort, u32)> = MIX.iter().map(|(sort, _)| (*sort, 0)).collect();
    let mut sorts = Vec::new();
    for _ in 0..families {
        // The sort that is furthest behind its share; the first of them on a draw.
        let at = (0..chosen.len())
            .min_by(|&a, &b| {
                let filled = |i: usize| f64::from(chosen[i].1) / f64::from(MIX[i].1);
                filled(a).total_cmp(&filled(b))
            })
            .unwrap_or(0);
        chosen[at].1 += 1;
        sorts.push(chosen[at].0);
    }
    sorts
}

/// What a family's members share, and one member's own.
struct Plan<'a> {
    design: &'a Design,
    /// Draws of the family: the same for every member.
    family: Rng,
    /// Draws of the member.
    member: Rng,
    volume: u32,
}

fn family(sort: Sort, seed: u64, (low, high): (u32, u32)) -> Vec<Sku> {
    let mut rng = Rng::new(seed);
    let cola = matches!(sort, Sort::LargePet | Sort::SmallPet | Sort::Can | Sort::Pack) && rng.chance(0.3);
    let beer_can = sort == Sort::Can && !cola && rng.chance(0.4);
    let pool = pool(sort, cola, beer_can);
    let (first, brand) = match sort {
        Sort::Wine | Sort::Spirit => words::house(&mut rng),
        _ => ("", words::brand(&mut rng)),
    };
    let brand = if first.is_empty() { brand } else { format!("{first} {brand}") };
    let slogan = words::slogan(&mut rng);
    let hue = rng.unit();
    let base = hsv(hue, rng.range(0.65, 0.95), rng.range(0.28, 0.55));
    let accent: Rgb =
        if rng.chance(0.4) { GOLD } else { hsv(hue + rng.range(0.3, 0.7), rng.range(0.6, 0.9), rng.range(0.75, 0.95)) };
    let mut kinds: Vec<&Flavour> = pool.iter().collect();
    rng.shuffle(&mut kinds);
    if cola {
        kinds.sort_by_key(|k| k.word != "CLASSIC");
    }
    let volumes = volumes(sort, beer_can, &mut rng);
    let members = rng.int(low, high);
    let family_rng = rng.clone();
    (0..members)
        .map(|member| {
            // Flavours first; when they run out, the same flavours in another volume.
            let flavour = *kinds[member as usize % kinds.len()];
            let volume = volumes[(member as usize / kinds.len()) % volumes.len()];
            let design = Design {
                seed: derive(seed, 0xa27),
                brand: brand.clone(),
                slogan,
                flavour,
                volume: if volume >= 1000 {
                    format!("{:.1} L", volume as f32 / 1000.0).replace(".0 L", " L")
                } else {
                    format!("{volume} ml")
                },
                base,
                accent,
            };
            let plan = Plan {
                design: &design,
                family: family_rng.clone(),
                member: Rng::new(derive(seed, 500 + u64::from(member))),
                volume,
            };
            dress(sort, beer_can, plan)
        })
        .collect()
}

fn pool(sort: Sort, cola: bool, beer_can: bool) -> &'static [Flavour] {
    match sort {
        _ if cola => words::COLAS,
        _ if beer_can => words::BEERS,
        Sort::Beer => words::BEERS,
        Sort::Water => words::WATERS,
        Sort::Wine => words::WINES,
        Sort::Spirit => words::SPIRITS,
        Sort::Carton => words::MILKS,
        Sort::Jar | Sort::Pouch => words::PANTRY,
        _ => words::FLAVOURS,
    }
}

fn volumes(sort: Sort, beer_can: bool, rng: &mut Rng) -> Vec<u32> {
    let mut volumes = match sort {
        Sort::LargePet => vec![1500, 2000, 1250],
        Sort::SmallPet => vec![500, 330],
        Sort::Water => vec![1500, 500, 750],
        Sort::Juice => vec![1000, 330],
        Sort::Can if beer_can => vec![500, 330],
        Sort::Can => vec![330, 250, 500],
        Sort::Beer => vec![330, 500],
        Sort::Wine => vec![750],
        Sort::Spirit => vec![700],
        Sort::Jar => vec![370],
        Sort::Pouch => vec![200],
        Sort::Pack => vec![330],
        _ => vec![1000],
    };
    rng.shuffle(&mut volumes);
    volumes
}

fn dress(sort: Sort, beer_can: bool, plan: Plan<'_>) -> Sku {
    let design = plan.design.clone();
    let mut prices = plan.member.clone();
    let (appearance, class, prices_from) = match sort {
        Sort::Can => cans::can(plan, beer_can),
        Sort::Pack => boxes::pack(plan),
        Sort::Carton => boxes::carton(plan),
        Sort::Glassware => glasses::glass(plan),
        Sort::Jar => boxes::jar(plan),
        Sort::Pouch => boxes::pouch(&plan),
        _ => bottles::bottle(sort, plan),
    };
    let tray = (sort == Sort::Can).then(|| flat(|w, h| pack::tray(&design, w, h), 150.0, 45.0));
    let price = words::price(&mut prices, prices_from.0, prices_from.1);
    let name = match sort {
        Sort::Glassware => format!("{} glass", design.brand),
        _ => format!("{} {} {}", design.brand, title(design.flavour.word), design.volume),
    };
    let tags =
        TagStyle::ALL.iter().map(|&style| Texture::new(&tag::tag(style, &name, &price, design.seed), false)).collect();
    Sku {
        code: slug(&name),
        name,
        family: slug(&design.brand),
        variant: title(design.flavour.word),
        volume: design.volume,
        class,
        sort,
        appearance,
        tray,
        tags,
    }
}

fn title(word: &str) -> String {
    let lower = word.to_lowercase();
    let mut letters = lower.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn slug(name: &str) -> String {
    let plain = |c: char| match c {
        'â' => 'a',
        'é' => 'e',
        'a'..='z' | '0'..='9' => c,
        _ => '-',
    };
    let text: String = name.to_lowercase().replace('.', "").chars().map(plain).collect();
    text.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-")
}

/// Texels a millimetre: a facing 150 pixels high stays sharp.
const DETAIL: f32 = 1.7;

/// A canvas that goes once round a body of this circumference.
fn round(paint: impl FnOnce(usize, usize) -> Canvas, circumference: f32, height: f32) -> Texture {
    let size = |mm: f32| ((mm * DETAIL) as usize).clamp(16, 900);
    Texture::new(&paint(size(circumference), size(height)), true)
}

/// A canvas for a flat face.
fn flat(paint: impl FnOnce(usize, usize) -> Canvas, width: f32, height: f32) -> Texture {
    let size = |mm: f32| ((mm * DETAIL) as usize).clamp(16, 900);
    Texture::new(&paint(size(width), size(height)), false)
}
