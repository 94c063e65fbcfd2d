//! Which photos are in the set: near-duplicates out, reserved ones out. The first of those that look alike stays, in the order: what
//! was there, what somebody put there, what is new; each by digest.

use serde::Serialize;
use vision::Sha256;

use super::looks::Looks;
use super::members::Member;
use super::near::Alike;
use super::reserved::Reserved;
use crate::config::FullConfig;
use crate::error::FlowError;
use crate::held::Held;

/// A photo that is not in the set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct LeftOut {
    pub(super) photo: Sha256,
    /// `near_duplicate` or `reserved`.
    pub(super) why: &'static str,
    /// What it looks like: a photo, or a reserved image.
    pub(super) of: String,
}

/// By position of the members: whether it stays; and what does not.
pub(super) async fn choose(
    members: &[Member],
    reserved: &Reserved,
    (config, held): (&FullConfig, &Held),
    looks: &mut Looks<'_>,
) -> Result<(Vec<bool>, Vec<LeftOut>), FlowError> {
    let hashes = members.iter().enumerate().filter_map(|(at, member)| Some((at, member.hash?)));
    let alike = Alike::of(hashes, config.near_bits);
    let (mut stays, mut left_out) = (vec![false; members.len()], Vec::new());
    for (at, member) in members.iter().enumerate() {
        held.check()?;
        let photo = member.photo;
        if let Some(of) = reserved_as(member, reserved, config, looks).await? {
            left_out.push(LeftOut { photo, why: "reserved", of });
        } else if let Some(of) = copy_of(at, members, (&alike, &stays), config, looks).await? {
            left_out.push(LeftOut { photo, why: "near_duplicate", of: of.to_string() });
        } else {
            stays[at] = true;
        }
    }
    Ok((stays, left_out))
}

/// The reserved image that a photo shows.
pub(super) async fn reserved_as(
    member: &Member,
    reserved: &Reserved,
    config: &FullConfig,
    looks: &mut Looks<'_>,
) -> Result<Option<String>, FlowError> {
    if let Some(name) = reserved.same(member.photo) {
        return Ok(Some(name.to_owned()));
    }
    let Some(hash) = member.hash else { return Ok(None) };
    for (name, other) in reserved.alike(hash) {
        if looks.of(member).await?.correlation(other, false) >= config.near_correlation {
            return Ok(Some(name.to_owned()));
        }
    }
    Ok(None)
}

/// The photo before it, of those that stay, that shows the same.
async fn copy_of(
    at: usize,
    members: &[Member],
    (alike, stays): (&Alike, &[bool]),
    config: &FullConfig,
    looks: &mut Looks<'_>,
) -> Result<Option<Sha256>, FlowError> {
    let Some(hash) = members[at].hash else { return Ok(None) };
    for other in alike.to(hash).into_iter().take_while(|other| *other < at).filter(|other| stays[*other]) {
        if same(&members[at], &members[other], config, looks).await? {
            return Ok(Some(members[other].photo));
        }
    }
    Ok(None)
}

/// Whether two photos whose hashes are near show the same.
pub(super) async fn same(
    one: &Member,
    other: &Member,
    config: &FullConfig,
    looks: &mut Looks<'_>,
) -> Result<bool, FlowError> {
    let (one, other) = (looks.of(one).await?, looks.of(other).await?);
    // NaN is no likeness.
    Ok(one.correlation(&other, false) >= config.near_correlation)
}
