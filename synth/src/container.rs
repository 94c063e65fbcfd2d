//! What a container is made of: its outline, its zones from base to top, and its material.

use super::color::{Rgb, linear};
use super::light::Gloss;
use super::profile::{Profile, STEPS};
use super::section::Section;
use super::simd::nearest;
use super::texture::Texture;

/// A container of revolution, or one with another cross-section.
#[derive(Debug, Clone)]
pub struct Container {
    /// Radius by height, millimetres.
    pub profile: Profile,
    /// Cross-section.
    pub section: Section,
    /// What it is made of where no zone covers it.
    pub body: Body,
    /// Label, cap, foil, from the base up; later ones cover earlier ones.
    pub zones: Vec<Zone>,
    /// What is seen from above.
    pub top: Top,
    /// A handle at its side.
    pub handle: Option<Handle>,
    /// Lobes of the base, as those of PET bottles: how many, and up to which height.
    pub petals: Option<(f32, f32)>,
    zone_at: Box<[u8; STEPS + 1]>,
}

/// A part of the surface between two heights.
#[derive(Debug, Clone)]
pub struct Zone {
    /// Lower edge.
    pub low: f32,
    /// Upper edge.
    pub high: f32,
    /// Its surface.
    pub surface: Surface,
}

/// The surface of a zone.
#[derive(Debug, Clone)]
pub enum Surface {
    /// Artwork that goes once round; where it is transparent the body shows.
    Print {
        /// Artwork, once around the body.
        art: Texture,
        /// 0 paper or plastic, 1 ink on bare metal.
        metal: f32,
        /// How it shines.
        gloss: Gloss,
        /// Strength of the shine.
        shine: f32,
    },
    /// One colour, with upright ridges all round.
    Plain {
        /// Linear colour.
        color: Rgb,
        /// 0 plastic, 1 metal.
        metal: f32,
        /// Ridges all round; 0 for none.
        ridges: f32,
        /// Strength of the shine.
        shine: f32,
    },
}

/// Material of the body.
#[derive(Debug, Clone)]
pub enum Body {
    /// Glass or clear plastic with something in it.
    Clear(Clear),
    /// Anything that cannot be seen through.
    Solid {
        /// Linear colour.
        color: Rgb,
        /// 0 plastic, 1 metal.
        metal: f32,
        /// Strength of the shine.
        shine: f32,
    },
}

/// A see-through body.
#[derive(Debug, Clone)]
pub struct Clear {
    /// Filled to this height.
    pub fill: f32,
    /// Fraction of what stands behind that is seen straight through, where filled and where empty.
    pub straight: (f32, f32),
    /// Let through and scattered back, by the chord's length; first where filled, then where empty.
    chords: Box<[[f32; 6]; 2 * CHORDS]>,
}

/// What is seen of the top by someone who looks down at it.
#[derive(Debug, Clone, Copy)]
pub enum Top {
    /// The lid of a can.
    Lid,
    /// A flat top in one linear colour.
    Flat(Rgb),
    /// A mouth.
    Open,
}

/// The handle of a mug, at the right: from, to, and how far it reaches out.
#[derive(Debug, Clone, Copy)]
pub struct Handle {
    /// Lower end.
    pub low: f32,
    /// Upper end.
    pub high: f32,
    /// How far it stands out from the axis, millimetres.
    pub reach: f32,
    /// Thickness, millimetres.
    pub thick: f32,
}

/// A zone index for "no zone".
pub const BARE: u8 = u8::MAX;

impl Container {
    /// A container with its zones.
    #[must_use]
    pub fn new(profile: Profile, section: Section, body: Body, zones: Vec<Zone>, top: Top) -> Self {
        let step = profile.height / STEPS as f32;
        let zone_at = Box::new(std::array::from_fn(|i| {
            let y = i as f32 * step;
            zones.iter().rposition(|z| y >= z.low && y <= z.high).map_or(BARE, |at| at as u8)
        }));
        Self { profile, section, body, zones, top, handle: None, petals: None, zone_at }
    }

    /// Number of the zone at an index of the profile; [`BARE`] where there is none.
    #[inline(always)]
    #[must_use]
    pub fn zone(&self, index: usize) -> u8 {
        self.zone_at[index.min(STEPS)]
    }
}

/// What a body of glass or plastic is filled with and made of.
#[derive(Debug, Clone, Copy)]
pub struct Recipe {
    /// Painted colour of the wall; white for clear.
    pub wall: Rgb,
    /// How strongly the wall colours, 0 to 3.
    pub wall_strength: f32,
    /// Painted colour of the drink.
    pub drink: Rgb,
    /// How strongly the drink colours: 0.3 water, 2 juice, 6 cola.
    pub strength: f32,
    /// How cloudy it is: 0 clear, 1 milk.
    pub cloudy: f32,
    /// Filled to this height.
    pub fill: f32,
}

const CHORDS: usize = 48;

impl Clear {
    /// Works out what a chord through the body lets through and scatters back (Beer and Lambert), for every length of it.
    #[must_use]
    pub fn new(recipe: &Recipe) -> Self {
        let (wall, drink) = (linear(recipe.wall), linear(recipe.drink));
        // What a path of unit length absorbs so that white light takes on the painted colour.
        let absorb = |c: Rgb| c.map(|v| -(v.clamp(0.006, 0.995)).ln());
        let (by_wall, by_drink) = (absorb(wall), absorb(drink));
        let row = |chord: f32, wet: bool| {
            // Seen at the edge, the wall is passed lengthwise.
            let wall_way = recipe.wall_strength * (0.45 + 0.55 * (1.0 - chord).powi(3));
            let way = if wet { recipe.strength * chord } else { 0.0 };
            let cloud = if wet { 1.0 - (-3.5 * recipe.cloudy * chord).exp() } else { 0.0 };
            let through: Rgb = std::array::from_fn(|i| (-by_wall[i] * wall_way - by_drink[i] * way).exp());
            let scattered: Rgb = std::array::from_fn(|i| {
                let body = drink[i].powf(1.2) * (-by_wall[i] * recipe.wall_strength * 0.8).exp();
                // Light that went deep comes back from the middle, not from the thin edge.
                body * cloud * (0.42 + 0.62 * chord)
            });
            (through.map(|v| v * (1.0 - cloud)), scattered)
        };
        let chords = std::array::from_fn(|k| {
            let ([a, b, c], [d, e, f]) = row((k % CHORDS) as f32 / (CHORDS - 1) as f32, k < CHORDS);
            [a, b, c, d, e, f]
        });
        let clarity = (1.0 - recipe.cloudy).max(0.0);
        let straight = ((0.24 + 0.40 * (-1.3 * recipe.strength).exp()) * clarity, 0.74);
        Self { fill: recipe.fill, straight, chords: Box::new(chords) }
    }

    /// Number of what [`Clear::chord`] tells of a chord's fraction of the widest.
    #[inline(always)]
    pub(super) fn place(fraction: f32, wet: bool) -> u32 {
        let at = nearest(fraction.max(0.0) * (CHORDS - 1) as f32).min(CHORDS - 1) as u32;
        at + if wet { 0 } else { CHORDS as u32 }
    }

    /// What a chord lets through and scatters back: three numbers each.
    #[inline(always)]
    pub(super) fn chord(&self, place: u32) -> &[f32; 6] {
        &self.chords[(place as usize).min(2 * CHORDS - 1)]
    }
}
