//! Whether the division lets anything through: no photo shows what lies in another part, or is reserved. Looked at by itself, after
//! the choice.

use super::choose::{reserved_as, same};
use super::looks::Looks;
use super::members::Member;
use super::near::Alike;
use super::reserved::Reserved;
use crate::config::FullConfig;
use crate::error::FlowError;
use crate::held::Held;

/// An error when there is a leak.
pub(super) async fn check(
    kept: &[Member],
    reserved: &Reserved,
    (config, held): (&FullConfig, &Held),
    looks: &mut Looks<'_>,
) -> Result<(), FlowError> {
    let alike =
        Alike::of(kept.iter().enumerate().filter_map(|(at, member)| Some((at, member.hash?))), config.near_bits);
    for (at, member) in kept.iter().enumerate() {
        held.check()?;
        let leak = |other: String, second: &'static str| FlowError::Leak {
            one: member.photo,
            first: member.part.as_str(),
            other,
            second,
        };
        if let Some(name) = reserved_as(member, reserved, config, looks).await? {
            return Err(leak(name, "reserved"));
        }
        let Some(hash) = member.hash else { continue };
        for other in alike.to(hash).into_iter().filter(|other| *other > at) {
            let other = &kept[other];
            if other.part != member.part && (other.photo == member.photo || same(member, other, config, looks).await?) {
                return Err(leak(other.photo.to_string(), other.part.as_str()));
            }
        }
    }
    Ok(())
}
