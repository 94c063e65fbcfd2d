//! Arranges products on boards as shops do: rows of one sort, blocks of equal neighbours, gaps, depth, stacks, trays.

use super::catalogue::Catalogue;
use super::config::SynthConfig;
use super::rng::Rng;
use super::sku::{Class, Sku, Sort};

/// One item at its place: `x` to the right, `z` towards the aisle (negative inside the shelf), both in millimetres.
#[derive(Debug, Clone, Copy)]
pub struct Item {
    /// Number of its product in the catalogue.
    pub sku: usize,
    /// Middle, sideways.
    pub x: f32,
    /// Base, over the origin.
    pub y: f32,
    /// Middle, depth.
    pub z: f32,
    /// Turned about its axis, in turns.
    pub turn: f32,
    /// Lean to the right in radians.
    pub lean: f32,
    /// Row in depth: 0 is the front.
    pub rank: u32,
    /// Level in a stack: 0 stands on the board.
    pub level: u32,
    /// Number of its block in its row.
    pub block: usize,
    /// Gaps to the neighbours.
    pub gaps: (f32, f32),
    /// Brightness of its own.
    pub tone: f32,
}

/// Equal neighbours.
#[derive(Debug, Clone)]
pub struct Block {
    /// Number of the product.
    pub sku: usize,
    /// Facings side by side.
    pub facings: u32,
    /// Items on top of one another.
    pub stack: u32,
    /// Left and right end.
    pub span: (f32, f32),
    /// In a tray whose front is this high; 0 without.
    pub tray: f32,
}

/// One board with what stands on it.
#[derive(Debug, Clone)]
pub struct Row {
    /// Height of the board's upper side.
    pub floor: f32,
    /// Height of the lower side of the board above.
    pub ceiling: f32,
    /// Blocks from left to right.
    pub blocks: Vec<Block>,
    /// All items.
    pub items: Vec<Item>,
}

/// A stretch of shelving.
#[derive(Debug, Clone)]
pub struct Layout {
    /// Rows from below.
    pub rows: Vec<Row>,
    /// Half its length.
    pub half_length: f32,
    /// Depth of the boards.
    pub depth: f32,
    /// Thickness of boards, height of rails.
    pub board: (f32, f32),
    /// Length of a bay and where the first one ends.
    pub bays: (f32, f32),
}

/// What is sold in an aisle.
const AISLES: &[&[Sort]] = &[
    &[Sort::LargePet, Sort::LargePet, Sort::SmallPet, Sort::Can, Sort::Pack],
    &[Sort::LargePet, Sort::LargePet, Sort::Water, Sort::Juice, Sort::SmallPet],
    &[Sort::SmallPet, Sort::Can, Sort::Can, Sort::Juice, Sort::Water],
    &[Sort::Beer, Sort::Beer, Sort::Beer, Sort::Can, Sort::Pack],
    &[Sort::Wine, Sort::Wine, Sort::Spirit],
    &[Sort::Spirit, Sort::Spirit, Sort::Wine, Sort::Glassware],
    &[Sort::Carton, Sort::Carton, Sort::Juice, Sort::Pouch],
    &[Sort::Jar, Sort::Jar, Sort::Pouch, Sort::Carton, Sort::Can],
    &[Sort::Beer, Sort::Spirit, Sort::Glassware, Sort::Can],
];

impl Layout {
    /// Fills a stretch of shelving that covers `width` x `height` millimetres around the origin.
    #[must_use]
    pub fn fill(catalogue: &Catalogue, config: &SynthConfig, (width, height): (f32, f32), rng: &mut Rng) -> Self {
        let aisle = *rng.pick(AISLES);
        let board = (rng.range(20.0, 34.0), rng.range(34.0, 52.0));
        let depth = rng.range(300.0, 460.0);
        let bay = rng.range(900.0, 1300.0);
        let half_length = width * 0.62 + 600.0;
        let mut layout = Self { rows: Vec::new(), half_length, depth, board, bays: (bay, rng.range(-bay, 0.0)) };
        let mut floor = -height * 0.5 - rng.range(50.0, 420.0);
        while floor < height * 0.5 + 60.0 {
            let mut shelf = Filler { catalogue, config, layout: &layout, rng };
            let row = shelf.row(floor, aisle);
            floor = row.ceiling + board.0;
            layout.rows.push(row);
        }
        layout
    }

    /// Front items: an upper bound of what will be labelled.
    pub fn front(&self) -> impl Iterator<Item = &Item> {
        self.rows.iter().flat_map(|row| &row.items).filter(|item| item.rank == 0)
    }
}

struct Filler<'a> {
    catalogue: &'a Catalogue,
    config: &'a SynthConfig,
    layout: &'a Layout,
    rng: &'a mut Rng,
}

impl Filler<'_> {
    fn row(&mut self, floor: f32, aisle: &[Sort]) -> Row {
        let sort = *self.rng.pick(aisle);
        let skus = self.choice(sort);
        let stack_to = match self.catalogue.skus[skus[0]].sort {
            Sort::Pack => self.rng.int(1, 3),
            Sort::Can | Sort::Jar if self.rng.chance(0.45) => self.rng.int(2, 3),
            _ => 1,
        };
        let tallest = skus.iter().map(|&sku| self.catalogue.skus[sku].size()[1]).fold(60.0, f32::max);
        let mut row = Row {
            floor,
            ceiling: floor + tallest * stack_to as f32 + self.rng.range(22.0, 95.0),
            blocks: Vec::new(),
            items: Vec::new(),
        };
        let mut x = -self.layout.half_length + self.rng.range(0.0, 60.0);
        let mut number = self.rng.below(skus.len());
        let cascade = self.rng.chance(0.25);
        while x < self.layout.half_length {
            if self.rng.chance(0.035) {
                // Sold out.
                x += self.rng.range(50.0, 210.0);
                continue;
            }
            let sku = skus[number % skus.len()];
            number += if self.rng.chance(0.75) { 1 } else { self.rng.below(skus.len()) };
            let stack = if cascade && stack_to > 1 { self.rng.int(1, stack_to) } else { stack_to };
            x = self.block(&mut row, (sku, stack), x);
        }
        row
    }

    /// Products for a row: some families of a sort.
    fn choice(&mut self, sort: Sort) -> Vec<usize> {
        let all = &self.catalogue.skus;
        let pasted: Vec<usize> = (0..all.len()).filter(|&i| all[i].sort == Sort::Pasted).collect();
        if !pasted.is_empty() && self.rng.chance(self.config.paste_ratio) {
            // Cut-outs of one class, so that a row stays of a kind.
            let class = all[*self.rng.pick(&pasted)].class;
            let same: Vec<usize> = pasted.into_iter().filter(|&i| all[i].class == class).collect();
            let count = self.rng.int(3, 9);
            return (0..count).map(|_| *self.rng.pick(&same)).collect();
        }
        let mut of_sort: Vec<usize> = (0..all.len()).filter(|&i| all[i].sort == sort).collect();
        if of_sort.is_empty() {
            of_sort = (0..all.len()).collect();
        }
        let mut families: Vec<&str> = of_sort.iter().map(|&i| all[i].family.as_str()).collect();
        families.dedup();
        self.rng.shuffle(&mut families);
        families.truncate(self.rng.int(1, 3) as usize);
        of_sort.into_iter().filter(|&i| families.contains(&all[i].family.as_str())).collect()
    }

    /// Places a block that begins at `x`; returns where the next one may begin.
    fn block(&mut self, row: &mut Row, (sku, stack): (usize, u32), x: f32) -> f32 {
        let product = &self.catalogue.skus[sku];
        let [width, height, depth] = product.size();
        let facings = match product.sort {
            Sort::Pasted => self.rng.int(1, 4),
            Sort::Spirit | Sort::Wine | Sort::Glassware => self.rng.int(2, 4),
            Sort::Pack => self.rng.int(1, 3),
            _ => self.rng.int(2, 6),
        };
        let loose = match product.sort {
            Sort::Glassware => self.rng.range(8.0, 22.0),
            Sort::Spirit | Sort::Wine => self.rng.range(2.0, 14.0),
            _ => self.rng.range(0.6, 6.0),
        };
        let pitch = width + loose;
        let number = row.blocks.len();
        let end = x + pitch * facings as f32;
        let tray = if product.class == Class::Can && self.rng.chance(0.14) {
            height * self.rng.range(0.22, 0.42)
        } else {
            0.0
        };
        row.blocks.push(Block { sku, facings, stack, span: (x, end), tray });
        let setback = self.rng.range(6.0, 26.0) + if self.rng.chance(0.12) { self.rng.range(30.0, 110.0) } else { 0.0 };
        // A planogram block stands straight; a careless one does not.
        let care = self.rng.range(0.2, 1.6);
        let facing = if self.rng.chance(0.12) { self.rng.range(-0.2, 0.2) } else { 0.0 };
        let ranks = self.config.depth_rows.min(((self.layout.depth - setback) / depth).max(1.0) as u32);
        for column in 0..facings {
            let missing = if self.rng.chance(self.config.gap_chance) { self.rng.int(1, 2) } else { 0 };
            let short = self.rng.int(0, stack.min(2));
            for rank in missing..ranks.max(missing + 1).min(ranks) {
                let levels = if rank == 0 && self.rng.chance(0.2) { stack.saturating_sub(short).max(1) } else { stack };
                let place = Spot {
                    x: x + pitch * (column as f32 + 0.5) + self.rng.normal(0.5 * care),
                    z: -(setback
                        + depth * (rank as f32 + 0.5)
                        + rank as f32 * self.rng.range(1.0, 5.0)
                        + self.rng.range(0.0, 3.0) * care),
                    facing,
                };
                for level in 0..levels {
                    let item = self.item(product, place, (height, loose));
                    row.items.push(Item {
                        sku,
                        y: row.floor + height * level as f32,
                        rank,
                        level,
                        block: number,
                        ..item
                    });
                }
            }
        }
        end + if self.rng.chance(0.3) { self.rng.range(2.0, 30.0) } else { self.rng.range(0.0, 4.0) }
    }

    fn item(&mut self, product: &Sku, place: Spot, (height, loose): (f32, f32)) -> Item {
        let boxed = matches!(product.appearance, super::sku::Appearance::Boxed(_));
        let square = product.size()[2] < product.size()[0] * 0.9;
        let turn = if boxed || square {
            self.rng.normal(0.006)
        } else if self.rng.chance(self.config.turned_chance) {
            self.rng.range(-0.5, 0.5)
        } else {
            place.facing + self.rng.normal(0.022)
        };
        let lean = if self.rng.chance(self.config.lean_chance) && !boxed {
            self.rng.normal(0.05)
        } else {
            self.rng.normal(0.003)
        };
        // A leaning item stands on its edge, not in the board.
        let x = place.x + self.rng.normal(0.4) - lean * height * 0.2;
        let z = place.z + self.rng.normal(0.6);
        let tone = 1.0 + self.rng.normal(0.025);
        Item { sku: 0, x, y: 0.0, z, turn, lean, rank: 0, level: 0, block: 0, gaps: (loose, loose), tone }
    }
}

#[derive(Clone, Copy)]
struct Spot {
    x: f32,
    z: f32,
    facing: f32,
}
