//! All there is to learn from at the end of a month, in order, written.

use std::collections::BTreeMap;

use serde_json::json;
use store::photos::Month;
use store::sets::{Manifest, SetLine, SetName};
use vision::Sha256;

use super::choose::{LeftOut, choose};
use super::inputs::Inputs;
use super::leaks;
use super::looks::{BLANK, Looks};
use super::members::{Member, Members, Origin, Split, group, prefixes};
use super::reserved::Reserved;
use crate::error::FlowError;
use crate::flows::Flows;
use crate::held::Held;
use crate::writer::{Entry, SetWriter, Source};

/// Photos whose images are copied together.
const TOGETHER: usize = 200;

/// The set, and how many photos are not in it.
pub(super) async fn run(flows: &Flows, held: &Held, month: Month) -> Result<(Manifest, usize), FlowError> {
    let (files, config) = (flows.store.artifacts()?, &flows.config.full);
    let mut inputs = Inputs::open(flows, month).await?;
    let split = Split::of(config, inputs.before.as_ref())?;
    let mut members = Members::read(files, held, &mut inputs, &split).await?.all;
    let reserved = Reserved::read(config).await?;
    let mut looks = Looks::new(files);
    for member in members.iter_mut().filter(|member| member.origin == Origin::Gold) {
        held.check()?;
        // Whatever its line says.
        let seen = looks.of(member).await?;
        member.hash = (seen.contrast() >= BLANK).then_some(seen.hash);
    }
    let (stays, left_out) = choose(&members, &reserved, (config, held), &mut looks).await?;
    let kept: Vec<Member> =
        members.into_iter().zip(stays).filter_map(|(member, stays)| stays.then_some(member)).collect();
    leaks::check(&kept, &reserved, (config, held), &mut looks).await?;
    drop(looks);
    let mut kept: BTreeMap<Sha256, Member> = kept.into_iter().map(|member| (member.photo, member)).collect();

    let set = SetName::full(month);
    let digits = inputs.digits();
    let mut writer = SetWriter::new(&flows.store, held, &flows.actor.organisation, (set.clone(), digits))?;
    for prefix in prefixes(digits) {
        let mut entries = Vec::new();
        for line in lines(flows, &mut inputs, &prefix).await? {
            if let Some(member) = kept.remove(&line.photo) {
                entries.push(entry(line, member));
            }
        }
        while !entries.is_empty() {
            let rest = entries.split_off(entries.len().min(TOGETHER));
            writer.push(entries).await?;
            entries = rest;
        }
    }
    write_left_out(flows, &set, &left_out).await?;
    let made = json!({
        "flow": "monthly", "period": month.to_string(), "of": inputs.made_of(), "seed": split.seed, "ratios": split.ratios,
        "near": {"bits": config.near_bits, "correlation": config.near_correlation}, "reserved": reserved.folders(),
        "left_out": left_out.len(),
    });
    Ok((writer.finish(made).await?, left_out.len()))
}

/// Lines of photos whose digests begin so, each once, in order: what was verified last counts.
async fn lines(flows: &Flows, inputs: &mut Inputs, prefix: &str) -> Result<Vec<SetLine>, FlowError> {
    let files = flows.store.artifacts()?;
    let mut by_photo: BTreeMap<Sha256, SetLine> = BTreeMap::new();
    for (photo, line) in &inputs.gold {
        if photo.to_string().starts_with(prefix) {
            by_photo.insert(*photo, line.clone());
        }
    }
    if let Some(before) = &mut inputs.before {
        by_photo.extend(before.lines(files, prefix).await?.into_iter().map(|line| (line.photo, line)));
    }
    by_photo.extend(inputs.verified.lines(files, prefix).await?.into_iter().map(|line| (line.photo, line)));
    Ok(by_photo.into_values().collect())
}

fn entry(mut line: SetLine, member: Member) -> Entry {
    line.group = Some(group(&line));
    line.hash = member.hash.map(|hash| format!("{hash:016x}"));
    line.part = Some(member.part.as_str().to_owned());
    // As it is called here, whatever it was called in gold.
    line.image = SetName::image(line.photo, line.extension());
    Entry { line, source: Source::Set(member.image) }
}

/// A line of JSON for each photo that is not in the set.
async fn write_left_out(flows: &Flows, set: &SetName, left_out: &[LeftOut]) -> Result<(), FlowError> {
    let name = set.metadata("left_out.jsonl");
    let files = flows.store.artifacts()?;
    if left_out.is_empty() {
        return Ok(files.delete(&name).await?);
    }
    let lines: Vec<String> = left_out.iter().map(|photo| format!("{}\n", json!(photo))).collect();
    Ok(files.put(&name, lines.concat().into()).await?)
}
