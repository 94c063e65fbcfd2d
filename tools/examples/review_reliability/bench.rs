//! A queue of a place of its own, filled with items that nobody has labelled.

use std::path::{Path, PathBuf};
use std::time::Instant;

use classifier::EmbedderIdentity;
use classifier::gallery::{IndexKind, IndexOptions};
use review::LiveGallery;
use store::exemplars::Enrolled;
use store::model::{NewItem, NewRecognition};
use store::{Reason, Store, StoreSettings};
use vision::fakes::MeanColorEmbedder;
use vision::random::Random;
use vision::{BBox, Embedder, Embedding, Sku, SkuId};

use crate::{Error, place};

/// Where this run keeps things; removed at the end.
pub(crate) struct Bench {
    pub(crate) settings: StoreSettings,
    folders: Vec<PathBuf>,
}

impl Drop for Bench {
    fn drop(&mut self) {
        for folder in &self.folders {
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

impl Bench {
    pub(crate) fn new(rest: &[&str]) -> Result<Self, Error> {
        let name = format!("review-{}", std::process::id());
        let memory = if Path::new("/dev/shm").is_dir() { PathBuf::from("/dev/shm") } else { std::env::temp_dir() };
        let (here, objects) = (std::env::current_dir()?.join(&name), memory.join(&name));
        std::fs::create_dir_all(&here)?;
        let sqlite = format!("sqlite:{}", here.join("shelf.db").display());
        let database = rest.first().map_or(sqlite, |url| (*url).to_owned());
        let settings = place(&database, &objects.display().to_string());
        Ok(Self { settings, folders: vec![here, objects] })
    }

    pub(crate) async fn filled(&self, items: usize) -> Result<Store, Error> {
        let store = Store::open(&self.settings).await?;
        store.adopt(enrolled()).await?;
        let begin = Instant::now();
        let mut random = Random::new(7);
        for first in (0..items).step_by(1_000) {
            let batch = (first..items.min(first + 1_000)).map(|number| item(number, &mut random)).collect();
            store.enqueue(recognition(first), batch, Vec::new()).await?;
        }
        println!("# {items} items queued in {:.1} s", begin.elapsed().as_secs_f64());
        Ok(store)
    }
}

pub(crate) fn enrolled() -> Enrolled {
    let skus = (1..=50).map(|id| Sku { id: SkuId(id), code: format!("sku_{id:03}"), name: format!("Product {id}") });
    Enrolled { embedder: MeanColorEmbedder.fingerprint(), skus: skus.collect(), exemplars: Vec::new() }
}

fn recognition(number: usize) -> NewRecognition {
    NewRecognition {
        request_id: format!("bench-{number}"),
        detector: "fixed".to_owned(),
        embedder: "mean colour".to_owned(),
        gallery: "bench".to_owned(),
        width: 1000,
        height: 1000,
        facings: 1000,
        ambiguous: 0,
        unknown: 0,
        total_ms: 1.0,
        photo: ("a photo".into(), "image/jpeg"),
        release: None,
        arm: None,
    }
}

fn item(number: usize, random: &mut Random) -> NewItem {
    let mut unit = || (random.next_u64() >> 40) as f32 / (1_u64 << 24) as f32;
    let reason = Reason::ALL[number % Reason::ALL.len()];
    let color = vec![0.1 + unit(), 0.1 + unit(), 0.1 + unit()];
    NewItem {
        id: store::model::new_id(),
        facing: (number % 1000) as u32,
        class: ["bottle", "can", "glass"][number % 3].to_owned(),
        confidence: unit(),
        bbox: BBox::new(10.0, 10.0, 90.0, 200.0),
        decision: "unknown",
        sku: Some(SkuId(1 + (number % 50) as u32)),
        similarity: unit(),
        margin: unit() * 0.05,
        candidates: vec![(SkuId(1), 0.5), (SkuId(2), 0.4)],
        crop: "a crop".into(),
        embedder: MeanColorEmbedder.fingerprint(),
        embedding: Embedding::normalized(color).expect("a direction").as_slice().to_vec(),
        image_hash: None,
        reasons: vec![reason],
        uncertainty: unit(),
        facings: 1,
    }
}

pub(crate) fn live() -> LiveGallery {
    let options = IndexOptions { kind: IndexKind::Flat, ..IndexOptions::default() };
    LiveGallery::new("bench", EmbedderIdentity::of(&MeanColorEmbedder), options)
}
