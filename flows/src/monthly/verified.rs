//! Photos that people verified in a month, with their boxes.

use serde_json::json;
use store::photos::Month;
use store::sets::{Manifest, SetLine, SetName, Verified};

use crate::daily::planned;
use crate::error::FlowError;
use crate::flows::Flows;
use crate::held::Held;
use crate::writer::{Entry, SetWriter, Source, digits};

/// Photos read at a time: their answers are in memory.
const PAGE: u32 = 200;

pub(super) async fn run(flows: &Flows, held: &Held, month: Month) -> Result<Manifest, FlowError> {
    let (store, organisation) = (&flows.store, flows.actor.organisation.as_str());
    let digits = planned(flows, held, digits(store.count_verified(organisation, month).await?)).await?;
    let mut writer = SetWriter::new(store, held, organisation, (SetName::verified(month), digits))?;
    let mut after = None;
    loop {
        let page = store.verified_photos(organisation, month, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.photo.photo);
        let entries = page.iter().map(|found| {
            let said = &found.annotation;
            let at = vision::time::timestamp(said.at.max(0).unsigned_abs() / 1_000);
            let verified = Verified { by: said.reviewer.clone(), at, version: said.version };
            Entry {
                line: SetLine::of(&found.photo, &said.boxes, Some(verified)),
                source: Source::Photo(found.photo.object.clone()),
            }
        });
        writer.push(entries.collect()).await?;
    }
    writer.finish(json!({"flow": "monthly", "period": month.to_string()})).await
}
