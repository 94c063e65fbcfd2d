//! Photos of a day -> `datasets/candidates/YYYY-MM-DD`.

use serde_json::{Value as Json, json};
use store::photos::Day;
use store::sets::{Manifest, SetLine, SetName};

use crate::error::FlowError;
use crate::flows::Flows;
use crate::held::Held;
use crate::writer::{Entry, SetWriter, Source, digits};

/// Photos read at a time: their answers are in memory.
const PAGE: u32 = 200;

pub(crate) async fn run(flows: &Flows, held: &Held, day: Day) -> Result<Json, FlowError> {
    let (store, organisation) = (&flows.store, flows.actor.organisation.as_str());
    let set = SetName::candidates(day);
    let photos = store.count_photos(organisation, day).await?;
    let digits = planned(flows, held, digits(photos)).await?;
    let mut writer = SetWriter::new(store, held, organisation, (set.clone(), digits))?;
    let mut after = None;
    loop {
        let page = store.photos_of_day(organisation, day, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.photo);
        let entries = page.iter().map(|photo| Entry {
            line: SetLine::of(photo, &photo.answer, None),
            source: Source::Photo(photo.object.clone()),
        });
        writer.push(entries.collect()).await?;
    }
    let manifest = writer.finish(json!({"flow": "daily", "period": day.to_string()})).await?;
    Ok(outcome(&manifest))
}

/// What the first attempt decided.
pub(crate) async fn planned(flows: &Flows, held: &Held, digits: usize) -> Result<usize, FlowError> {
    let plan = match &held.run().plan {
        Some(plan) => plan.clone(),
        None => flows.store.plan_run(held.run(), json!({"digits": digits}).to_string()).await?,
    };
    let plan: Json = serde_json::from_str(&plan).unwrap_or_default();
    let planned = plan["digits"].as_u64().and_then(|digits| usize::try_from(digits).ok());
    Ok(planned.filter(|digits| (2..=4).contains(digits)).unwrap_or(digits))
}

/// What is said of a set that was made.
pub(crate) fn outcome(manifest: &Manifest) -> Json {
    let Manifest { set, photos, boxes, image_bytes, sha256, parts, .. } = manifest;
    let mut said = json!({"set": set, "photos": photos, "boxes": boxes, "image_bytes": image_bytes, "sha256": sha256});
    if !parts.is_empty() {
        said["parts"] = json!(parts);
    }
    said
}
