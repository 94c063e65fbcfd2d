//! One photo: a stretch of shelf, a camera before it, and what is truly to be seen.

use image::RgbImage;
use vision::BBox;

use super::camera::Camera;
use super::carton;
use super::catalogue::Catalogue;
use super::config::SynthConfig;
use super::cutout;
use super::fixture::Fixture;
use super::framebuffer::{Footprint, Framebuffer, NOBODY};
use super::layout::{Item, Layout, Row};
use super::light::Light;
use super::rasterizer::{self, Stand};
use super::rng::{Rng, derive};
use super::sensor::Sensor;
use super::shade_map::ShadeMap;
use super::sku::{Appearance, Class};

/// An item that is at least partly to be seen.
#[derive(Debug, Clone, PartialEq)]
pub struct Instance {
    /// Box around its visible pixels.
    pub bbox: BBox,
    /// Class.
    pub class: Class,
    /// Number of its product in the catalogue.
    pub sku: usize,
    /// Fraction of its area that is seen, `0..=1`: neither hidden nor cut off by the edge of the image.
    pub visible: f32,
    /// Whether it counts: `visible` reaches [`SynthConfig::min_visible`] (behind the front row
    /// [`SynthConfig::min_visible_behind`]), and its box is at least 5 pixels wide and high.
    pub labelled: bool,
    /// Row of the shelf, from below.
    pub row: usize,
    /// Block in the row, from the left.
    pub block: usize,
    /// Row in depth; 0 is the front.
    pub rank: u32,
    /// Level in a stack; 0 stands on the board.
    pub level: u32,
}

/// A photo and the truth about it.
#[derive(Debug)]
pub struct Photo {
    /// 8-bit RGB of the configured size.
    pub image: RgbImage,
    /// What is to be seen, in the order in which it was drawn: front to back.
    pub instances: Vec<Instance>,
    /// What was put where.
    pub layout: Layout,
    /// Quality at which the photo should be saved as JPEG.
    pub jpeg_quality: u8,
}

/// Smallest side of a labelled box in pixels.
const MIN_SIDE: f32 = 5.0;

/// Shelves that are tried for a photo.
const SHELVES: u64 = 6;

/// Times a shelf is rendered until its labels are as many as was asked for.
const ATTEMPTS: usize = 4;

/// Times it is sketched before: small, and only to count.
const SKETCHES: usize = 8;

/// Minimum width of a sketch in pixels, and the largest factor by which it may be smaller than the photo.
const SKETCH: (u32, u32) = (320, 4);

/// Fraction of the wished range at either end into which a sketch must not come: it counts a little otherwise than the photo.
const MARGIN: f32 = 0.05;

/// A photo in the framebuffer, before the sensor.
struct Draft {
    layout: Layout,
    instances: Vec<Instance>,
    rng: Rng,
}

/// Light and furniture of a photo: the same from every distance.
struct Shop {
    light: Light,
    fixture: Fixture,
    /// For what comes after.
    rng: Rng,
}

impl Shop {
    fn of(seed: u64) -> Self {
        let mut rng = Rng::new(derive(seed, 2));
        Self { light: Light::sample(&mut rng), fixture: Fixture::sample(&mut rng), rng }
    }
}

impl Draft {
    fn labelled(&self) -> usize {
        self.instances.iter().filter(|i| i.labelled).count()
    }
}

/// Looks for the number of facings to aim at from which as many are labelled as was asked for.
struct Search {
    range: (f32, f32),
    aim: f32,
    /// Smallest miss so far, and the aim that gave it.
    best: (f32, f32),
    /// What gave too few, and what gave too many.
    few: Option<f32>,
    many: Option<f32>,
}

impl Search {
    fn from(aim: f32, range: (f32, f32)) -> Self {
        Self { range, aim, best: (f32::MAX, aim), few: None, many: None }
    }

    /// Takes what the present aim gave, and sets the next one; true when it was right.
    fn take(&mut self, count: usize) -> bool {
        let (low, high) = self.range;
        let count = count.max(1) as f32;
        // Too many is what nobody asked for; too few may be all there is.
        let miss = if count > high { 10.0 + (count / high).ln() } else { (low / count).ln().max(0.0) };
        if miss < self.best.0 {
            self.best = (miss, self.aim);
        }
        if miss <= 0.0 {
            return true;
        }
        *(if count > high { &mut self.many } else { &mut self.few }) = Some(self.aim);
        self.aim = match (self.few, self.many) {
            (Some(few), Some(many)) => f32::sqrt(few * many),
            _ => self.aim * f32::midpoint(low, high) / count,
        };
        false
    }
}

/// Draws photos of one world.
#[derive(Debug)]
pub struct Scene<'a> {
    /// Its products.
    pub catalogue: &'a Catalogue,
    /// What was asked for.
    pub config: &'a SynthConfig,
}

impl Scene<'_> {
    /// The photo of a number: the same for ever, whatever else is rendered. `frame` is scratch space; afterwards its
    /// [`Framebuffer::owners`] are numbers of the photo's instances.
    ///
    /// How many facings a photo labels shows only when it is rendered: so it is sketched first, small, from nearer and farther
    /// until about as many are labelled as was asked for. Should the photo itself hold more or fewer, it is rendered again. From
    /// no distance may a shelf hold as many: a row of packs more or less makes a leap. Then another one is put in its place.
    #[must_use]
    pub fn photo(&self, number: u64, frame: &mut Framebuffer) -> Photo {
        let seed = derive(derive(self.config.seed, 0xf070), number);
        let mut best = (f32::MAX, seed, 0.0);
        for shelf in 0..SHELVES {
            let seed = if shelf == 0 { seed } else { derive(seed, 0x5e1f + shelf) };
            let (search, found) = self.shelf(seed, frame);
            if let Some(draft) = found {
                return self.print(draft, frame);
            }
            if search.best.0 < best.0 {
                best = (search.best.0, seed, search.best.1);
            }
        }
        let draft = self.draft((best.1, &Shop::of(best.1)), best.2, 1, frame);
        self.print(draft, frame)
    }

    /// Looks for the distance from which a shelf shows as many facings as was asked for, and renders it into the framebuffer.
    fn shelf(&self, seed: u64, frame: &mut Framebuffer) -> (Search, Option<Draft>) {
        let (low, high) = (self.config.facings.0 as f32, self.config.facings.1 as f32);
        // Some of those behind are labelled, too.
        let mut search = Search::from(Rng::new(derive(seed, 1)).range(low, high) * 0.86, (low, high));
        let times = (self.config.size.0 / SKETCH.0).clamp(1, SKETCH.1);
        let shop = Shop::of(seed);
        if times > 1 {
            let margin = (high - low) * MARGIN;
            search.range = (low + margin, high - margin);
            let fits = (0..SKETCHES).any(|_| {
                let count = self.draft((seed, &shop), search.aim, times, frame).labelled();
                search.take(count)
            });
            if !fits {
                return (search, None);
            }
            search = Search::from(search.best.1, (low, high));
        }
        for _ in 0..ATTEMPTS {
            let draft = self.draft((seed, &shop), search.aim, 1, frame);
            if search.take(draft.labelled()) {
                return (search, Some(draft));
            }
        }
        (search, None)
    }

    /// Turns what was rendered into a photo, by a sensor of its own.
    fn print(&self, draft: Draft, frame: &mut Framebuffer) -> Photo {
        let mut rng = draft.rng;
        let sensor = Sensor::sample(&mut rng, self.config.camera_faults);
        let (from, to) = self.config.jpeg_quality;
        Photo {
            image: sensor.capture(frame),
            instances: draft.instances,
            layout: draft.layout,
            jpeg_quality: rng.int(from.into(), to.into()) as u8,
        }
    }

    /// Renders, so many times smaller than the photo, a shelf of which about `wanted` facings are in view.
    fn draft(&self, (seed, shop): (u64, &Shop), wanted: f32, times: u32, frame: &mut Framebuffer) -> Draft {
        let (width, height) = self.config.size;
        frame.reset((width / times) as usize, (height / times) as usize);
        frame.sketch = times > 1;
        let (layout, camera) = self.stage(seed, wanted);
        let camera = camera.smaller(times as f32);
        let (light, fixture, mut rng) = (&shop.light, &shop.fixture, shop.rng.clone());
        fixture.front(frame, &camera, light, (&layout, self.catalogue, &mut rng));
        let mut instances = Vec::new();
        let min_side = MIN_SIDE / times as f32;
        let mut rows: Vec<usize> = (0..layout.rows.len()).collect();
        // From the level of the eye outwards: a board hides what stands on it from below, and what is below it from above.
        let off = |row: &Row| (row.floor - camera.eye[1]).max(camera.eye[1] - row.ceiling).max(0.0);
        rows.sort_by(|&a, &b| off(&layout.rows[a]).total_cmp(&off(&layout.rows[b])));
        for number in rows {
            let row = &layout.rows[number];
            fixture.tray(frame, &camera, light, (row, self.catalogue));
            self.items(frame, (&camera, light), (&layout, number, min_side), &mut instances);
            if camera.eye[1] > row.floor {
                let shade = if times > 1 { ShadeMap::none() } else { ShadeMap::of(&layout, row, self.catalogue) };
                fixture.floor(frame, &camera, light, (&layout, row, &shade));
            }
            if camera.eye[1] < row.ceiling {
                fixture.ceiling(frame, &camera, light, (&layout, row));
            }
            fixture.wall(frame, &camera, light, (&layout, row));
        }
        Draft { layout, instances, rng }
    }

    /// Shelf and camera, at the distance from which about the wished number of facings is in view.
    fn stage(&self, seed: u64, wanted: f32) -> (Layout, Camera) {
        let config = self.config;
        let (width, height) = (config.size.0 as f32, config.size.1 as f32);
        let mut rng = Rng::new(derive(seed, 4));
        let view = rng.range(46.0_f32, 68.0).to_radians();
        let yaw = (rng.normal(config.yaw_deg * 0.45)).clamp(-config.yaw_deg, config.yaw_deg).to_radians();
        let pitch = rng.range(config.pitch_deg.0, config.pitch_deg.1).to_radians();
        let roll = rng.normal(0.014);
        let aim = (rng.normal(0.04), rng.normal(0.04));
        let arrangement = derive(seed, 3);
        let mut wide = 1300.0 * (wanted / 70.0).sqrt();
        let mut best = None;
        for _ in 0..4 {
            let focal = width / 2.0 / (view / 2.0).tan();
            let distance = wide / 2.0 / (view / 2.0).tan();
            let eye = [distance * yaw.sin() * pitch.cos(), distance * pitch.sin(), distance * yaw.cos() * pitch.cos()];
            let target = [aim.0 * wide, aim.1 * wide, 0.0];
            let camera = Camera::looking(eye, target, roll, (focal, (width / 2.0, height / 2.0)));
            let lean = 1.0 + yaw.abs() * 1.1;
            let layout = Layout::fill(
                self.catalogue,
                config,
                (wide * lean * 1.15, wide * height / width * 1.5),
                &mut Rng::new(arrangement),
            );
            let inside = |item: &&Item| {
                let middle = [item.x, item.y + self.catalogue.skus[item.sku].size()[1] / 2.0, item.z];
                camera.project(middle).is_some_and(|(x, y, _)| x > 0.0 && y > 0.0 && x < width && y < height)
            };
            let count = layout.front().filter(inside).count().max(1) as f32;
            let miss = (count / wanted).ln().abs();
            if best.as_ref().is_none_or(|(lowest, _, _)| miss < *lowest) {
                best = Some((miss, layout, camera));
            }
            if miss < 0.1 {
                break;
            }
            wide = (wide * (wanted / count).sqrt()).clamp(250.0, 6000.0);
        }
        best.map(|(_, layout, camera)| (layout, camera)).unwrap_or_else(|| unreachable!("the loop runs at least once"))
    }

    fn items(
        &self,
        frame: &mut Framebuffer,
        (camera, light): (&Camera, &Light),
        (layout, number, min_side): (&Layout, usize, f32),
        instances: &mut Vec<Instance>,
    ) {
        let row = &layout.rows[number];
        let mut order: Vec<&Item> = row.items.iter().filter(|item| self.near_view(item, camera, frame)).collect();
        // Front rows first; in a stack the level nearest to the eye; then what is nearer sideways.
        let near = |item: &Item| ((item.y - camera.eye[1]).abs(), (item.x - camera.eye[0]).abs());
        order.sort_by(|a, b| {
            let (na, nb) = (near(a), near(b));
            a.rank.cmp(&b.rank).then(na.0.total_cmp(&nb.0)).then(na.1.total_cmp(&nb.1))
        });
        for item in order {
            let product = &self.catalogue.skus[item.sku];
            let stand = Stand {
                base: [item.x, item.y, item.z],
                turn: item.turn,
                lean: item.lean,
                headroom: row.ceiling - item.y,
                depth: -item.z,
                gaps: item.gaps,
                tone: item.tone * 0.86_f32.powi(item.rank as i32),
            };
            let id = instances.len().min(usize::from(NOBODY) - 1) as u16;
            let print = match &product.appearance {
                Appearance::Turned(container) => rasterizer::draw(frame, camera, light, container, (stand, id)),
                Appearance::Boxed(carton) => carton::draw(frame, camera, light, carton, (stand, id)),
                Appearance::Cut(cut) => cutout::draw(frame, camera, light, cut, (stand, id)),
            };
            if let Some(bbox) = bounds(&print) {
                let visible = print.visible();
                let min_visible = if item.rank == 0 { self.config.min_visible } else { self.config.min_visible_behind };
                let labelled = visible >= min_visible && bbox.width() >= min_side && bbox.height() >= min_side;
                instances.push(Instance {
                    bbox,
                    class: product.class,
                    sku: item.sku,
                    visible,
                    labelled,
                    row: number,
                    block: item.block,
                    rank: item.rank,
                    level: item.level,
                });
            }
        }
    }

    fn near_view(&self, item: &Item, camera: &Camera, frame: &Framebuffer) -> bool {
        let [w, h, _] = self.catalogue.skus[item.sku].size();
        let Some((x, y, away)) = camera.project([item.x, item.y + h / 2.0, item.z]) else { return false };
        let reach = (w.max(h) + 40.0) * camera.focal / away;
        x > -reach && y > -reach && x < frame.width as f32 + reach && y < frame.height as f32 + reach
    }
}

/// The box of what was seen: whole pixels, right and lower edge exclusive.
fn bounds(print: &Footprint) -> Option<BBox> {
    let [left, top, right, bottom] = print.extent;
    (right >= left).then(|| BBox::new(left as f32, top as f32, (right + 1) as f32, (bottom + 1) as f32))
}
