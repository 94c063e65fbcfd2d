//! Products: what they are called, which class they belong to, and what they look like.

use super::carton::Carton;
use super::container::Container;
use super::cutout::Cutout;
use super::texture::Texture;

/// What the detector calls a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Class {
    /// Glass and PET.
    Bottle = 0,
    /// Metal.
    Can = 1,
    /// Drinking glasses.
    Glass = 2,
    /// Cartons, jars, pouches, multipacks.
    UnknownContainer = 3,
}

impl Class {
    /// Names in the order of their numbers.
    pub const NAMES: [&str; 4] = vision::CONTAINERS;

    /// The number in label files.
    #[must_use]
    pub const fn id(self) -> u32 {
        self as u32
    }

    /// The class of a number in a label file.
    #[must_use]
    pub const fn of(id: u32) -> Option<Self> {
        match id {
            0 => Some(Self::Bottle),
            1 => Some(Self::Can),
            2 => Some(Self::Glass),
            3 => Some(Self::UnknownContainer),
            _ => None,
        }
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }
}

/// Where in a shop a product stands; a row of a shelf holds one sort.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Sort {
    /// Large PET bottles of soft drinks.
    LargePet,
    /// Small ones.
    SmallPet,
    /// Water.
    Water,
    /// Juice in bottles.
    Juice,
    /// Cans.
    Can,
    /// Packs of cans.
    Pack,
    /// Beer in bottles.
    Beer,
    /// Wine.
    Wine,
    /// Spirits.
    Spirit,
    /// Milk and juice in cartons, and jugs.
    Carton,
    /// Jars.
    Jar,
    /// Pouches.
    Pouch,
    /// Drinking glasses.
    Glassware,
    /// Cut out of a real image.
    Pasted,
}

/// How a product is rendered.
#[derive(Debug, Clone)]
pub enum Appearance {
    /// Round, or nearly.
    Turned(Box<Container>),
    /// A box.
    Boxed(Box<Carton>),
    /// A cut-out of a real image.
    Cut(Box<Cutout>),
}

/// A product.
#[derive(Debug, Clone)]
pub struct Sku {
    /// Unique, such as `zolta-cherry-330`.
    pub code: String,
    /// As a person says it.
    pub name: String,
    /// Products of one family look alike.
    pub family: String,
    /// Flavour or kind.
    pub variant: String,
    /// Such as `330 ml`.
    pub volume: String,
    /// Class.
    pub class: Class,
    /// Where it stands.
    pub sort: Sort,
    /// How it is rendered.
    pub appearance: Appearance,
    /// The front of a tray in which it may stand, repeated along its length.
    pub tray: Option<Texture>,
    /// Price tags, one for each [`super::art::tag::TagStyle`].
    pub tags: Vec<Texture>,
}

impl Sku {
    /// Width on the shelf, height and depth, in millimetres.
    #[must_use]
    pub fn size(&self) -> [f32; 3] {
        match &self.appearance {
            Appearance::Turned(c) => {
                let handle = c.handle.map_or(0.0, |h| h.reach);
                [2.0 * c.profile.widest + handle, c.profile.height, 2.0 * c.profile.widest * c.section.flatness()]
            }
            Appearance::Boxed(c) => [c.size[0], c.height(), c.size[2]],
            Appearance::Cut(c) => c.extent(),
        }
    }
}
