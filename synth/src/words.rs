//! Names nobody owns: brands put together from syllables, flavours, volumes and prices.

use super::color::{Rgb, hex};
use super::rng::Rng;

/// A flavour: its word, the colour people expect, and the colour of the drink.
#[derive(Debug, Clone, Copy)]
pub struct Flavour {
    /// As printed.
    pub word: &'static str,
    /// Colour of label and cap.
    pub color: Rgb,
    /// Colour of the drink.
    pub drink: Rgb,
    /// Which fruit to draw.
    pub fruit: Fruit,
}

/// What is printed for a flavour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fruit {
    /// A slice of a citrus fruit.
    Citrus,
    /// Round berries.
    Berry,
    /// A leaf.
    Leaf,
    /// A drop.
    Drop,
    /// Nothing.
    None,
}

const fn flavour(word: &'static str, color: u32, drink: u32, fruit: Fruit) -> Flavour {
    Flavour { word, color: hex(color), drink: hex(drink), fruit }
}

/// Soft drinks and juices.
pub const FLAVOURS: &[Flavour] = &[
    flavour("ORANGE", 0xf27a12, 0xf0820f, Fruit::Citrus),
    flavour("LEMON", 0xf3cf1b, 0xf1e07a, Fruit::Citrus),
    flavour("LIME", 0x3aa435, 0xd9ec9a, Fruit::Citrus),
    flavour("CHERRY", 0xa5112e, 0x6a0d1c, Fruit::Berry),
    flavour("RASPBERRY", 0xd0246a, 0xb01343, Fruit::Berry),
    flavour("BLUEBERRY", 0x3b3f98, 0x4a1846, Fruit::Berry),
    flavour("GRAPE", 0x6a2c86, 0x45123f, Fruit::Berry),
    flavour("PEACH", 0xf6a26b, 0xe7a94e, Fruit::Drop),
    flavour("MANGO", 0xf6a800, 0xf09a1a, Fruit::Drop),
    flavour("APPLE", 0x78b82a, 0xe0b446, Fruit::Leaf),
    flavour("GRAPEFRUIT", 0xec5b53, 0xf08a6a, Fruit::Citrus),
    flavour("MINT", 0x159a72, 0x8fd8b0, Fruit::Leaf),
    flavour("GINGER", 0xc98a2b, 0xe3c579, Fruit::Leaf),
    flavour("TROPICAL", 0xee4f8b, 0xf3a03b, Fruit::Drop),
];

/// Cola-like drinks: kinds of one brand.
pub const COLAS: &[Flavour] = &[
    flavour("CLASSIC", 0xc3121f, 0x2a0d06, Fruit::None),
    flavour("ZERO", 0x17171a, 0x2a0d06, Fruit::None),
    flavour("LIGHT", 0xc9cdd2, 0x2a0d06, Fruit::None),
    flavour("CHERRY", 0x7d1238, 0x2a0d06, Fruit::Berry),
    flavour("LEMON", 0xe8c51a, 0x2a0d06, Fruit::Citrus),
    flavour("VANILLA", 0xe9d9ae, 0x2a0d06, Fruit::None),
];

/// Kinds of beer.
pub const BEERS: &[Flavour] = &[
    flavour("LAGER", 0x12703c, 0xe2a526, Fruit::None),
    flavour("PILSNER", 0x1b4a94, 0xe6b333, Fruit::None),
    flavour("PALE ALE", 0xd9902a, 0xc97e1d, Fruit::None),
    flavour("STOUT", 0x1c1a18, 0x160a05, Fruit::None),
    flavour("RADLER", 0xe8c51a, 0xf0cf58, Fruit::Citrus),
    flavour("AMBER", 0xa8341c, 0x9a4712, Fruit::None),
    flavour("WHEAT", 0xe7d7a4, 0xe8b64d, Fruit::None),
    flavour("0.0%", 0x3f8fd0, 0xe2a526, Fruit::None),
];

/// Kinds of milk.
pub const MILKS: &[Flavour] = &[
    flavour("WHOLE MILK", 0x1d57a8, 0xf6f3ea, Fruit::Drop),
    flavour("SEMI-SKIMMED", 0x2c9b4f, 0xf6f3ea, Fruit::Drop),
    flavour("SKIMMED", 0xd0323a, 0xf6f3ea, Fruit::Drop),
    flavour("LACTOSE FREE", 0x7a4a9c, 0xf6f3ea, Fruit::Drop),
    flavour("OAT DRINK", 0xc49a5a, 0xeadfc7, Fruit::Leaf),
    flavour("CHOCOLATE", 0x6b3a1e, 0x7a4a2a, Fruit::None),
    flavour("BUTTERMILK", 0xe8b33a, 0xf3ecd8, Fruit::None),
];

/// Kinds of water.
pub const WATERS: &[Flavour] = &[
    flavour("STILL", 0x2a7fd0, 0xe8f4fa, Fruit::Drop),
    flavour("SPARKLING", 0x12357e, 0xe8f4fa, Fruit::Drop),
    flavour("LEMON", 0xe9cc22, 0xf3f4d2, Fruit::Citrus),
    flavour("GENTLE", 0x29a38f, 0xe8f4fa, Fruit::Drop),
];

/// Wines.
pub const WINES: &[Flavour] = &[
    flavour("MERLOT", 0x6d1027, 0x2c040d, Fruit::None),
    flavour("RIESLING", 0x8a8a3c, 0xd8cf7c, Fruit::None),
    flavour("SHIRAZ", 0x3a1024, 0x25030c, Fruit::None),
    flavour("CHARDONNAY", 0xb9963c, 0xdfc766, Fruit::None),
    flavour("PINOT NOIR", 0x8b2638, 0x38060f, Fruit::None),
    flavour("ROSÉ", 0xe08a8a, 0xe9a08a, Fruit::None),
    flavour("RESERVA", 0x2b2a2a, 0x28040a, Fruit::None),
];

/// Spirits.
pub const SPIRITS: &[Flavour] = &[
    flavour("WHISKY", 0x7a3b12, 0xb5601a, Fruit::None),
    flavour("BOURBON", 0x30201a, 0x9a430f, Fruit::None),
    flavour("DARK RUM", 0x3a1a10, 0x5a210a, Fruit::None),
    flavour("LONDON GIN", 0x1c5e63, 0xf3f7f5, Fruit::None),
    flavour("VODKA", 0x244a80, 0xf5f8fa, Fruit::None),
    flavour("BRANDY", 0x8a1f1f, 0x8f3f10, Fruit::None),
    flavour("TEQUILA", 0xc7851f, 0xe5c27a, Fruit::None),
    flavour("HERBAL", 0x23391f, 0x281a08, Fruit::None),
];

/// Jars and pouches.
pub const PANTRY: &[Flavour] = &[
    flavour("STRAWBERRY", 0xc91f37, 0x8f0f1d, Fruit::Berry),
    flavour("APRICOT", 0xee9a35, 0xd98a1c, Fruit::Drop),
    flavour("BLACKCURRANT", 0x43204f, 0x2a0a22, Fruit::Berry),
    flavour("HONEY", 0xe1a12a, 0xc9851a, Fruit::Drop),
    flavour("GHERKINS", 0x4c8a2f, 0x86a04a, Fruit::Leaf),
    flavour("TOMATO", 0xcf2f1c, 0xb5240f, Fruit::Berry),
    flavour("COFFEE", 0x4a2a18, 0x2f180c, Fruit::Leaf),
];

const STARTS: &[&str] = &[
    "Zol", "Fri", "Kan", "Bel", "Tor", "Mur", "Hal", "Vel", "Ral", "Spi", "Que", "Lum", "Gar", "Dra", "Nor", "Pel",
    "Sor", "Cas", "Mon", "Bru", "Jol", "Fal", "Tan", "Wes", "Ost", "Ard", "Lor", "Kes", "Pom", "Riv", "Ven", "Hol",
];
const MIDDLES: &[&str] = &["", "", "", "a", "i", "o", "en", "ar", "er", "in", "al", "or", "um", "ett", "ist"];
const ENDS: &[&str] = &[
    "ta", "zo", "ko", "va", "ra", "do", "na", "la", "by", "sy", "x", "ck", "n", "ro", "mo", "vy", "ley", "ton", "berg",
    "ham", "field", "dale", "quin", "stra", "wick",
];

/// A made-up word for a brand, capitalised.
pub fn brand(rng: &mut Rng) -> String {
    loop {
        let word = format!("{}{}{}", rng.pick(STARTS), rng.pick(MIDDLES), rng.pick(ENDS));
        if (4..=9).contains(&word.chars().count()) {
            return word;
        }
    }
}

/// A made-up maker of wine or spirits, in two words.
pub fn house(rng: &mut Rng) -> (&'static str, String) {
    const BEFORE: &[&str] = &["Château", "Casa", "Domaine", "Old", "Glen", "Villa", "Captain", "St.", "Monte", "Royal"];
    (*rng.pick(BEFORE), brand(rng))
}

/// A line that says nothing much.
pub fn slogan(rng: &mut Rng) -> &'static str {
    const LINES: &[&str] = &[
        "since 1887",
        "original taste",
        "naturally good",
        "brewed with care",
        "refreshing",
        "est. 1921",
        "family owned",
        "pure & simple",
        "the real one",
        "full of flavour",
        "traditional recipe",
        "premium quality",
    ];
    LINES[rng.below(LINES.len())]
}

/// A price such as `2.49`.
pub fn price(rng: &mut Rng, low: f32, high: f32) -> String {
    let units = rng.range(low, high) as u32;
    let cents = *rng.pick(&[9, 19, 29, 49, 59, 79, 89, 95, 99, 99]);
    format!("{units}.{cents:02}")
}
