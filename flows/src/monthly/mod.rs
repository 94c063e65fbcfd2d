//! What was verified in a month -> `datasets/verified/YYYY-MM`; gold and all that was verified so far -> `datasets/full/YYYY-MM`.
//!
//! | file | what |
//! |---|---|
//! | `verified` | photos that people verified in the month, with their boxes |
//! | `inputs` | the lines of the sets that the full one is made of |
//! | `members` | which photos there are, and the part of each: carried on from the month before |
//! | `looks` | images that are looked at closely, a few at a time |
//! | `near` | which photos look alike |
//! | `reserved` | images that nothing may be learnt from |
//! | `choose` | near-duplicates out, reserved ones out |
//! | `leaks` | whether the division lets anything through, checked by itself |
//! | `full` | all of it in order, written |

mod choose;
mod full;
mod inputs;
mod leaks;
mod looks;
mod members;
mod near;
mod reserved;
mod verified;

use serde_json::{Value as Json, json};
use store::photos::Month;

use crate::daily::outcome;
use crate::error::FlowError;
use crate::flows::Flows;
use crate::held::Held;

pub(crate) async fn run(flows: &Flows, held: &Held, month: Month) -> Result<Json, FlowError> {
    let verified = verified::run(flows, held, month).await?;
    let (full, left_out) = full::run(flows, held, month).await?;
    let mut said = outcome(&full);
    said["left_out"] = json!(left_out);
    Ok(json!({"verified": outcome(&verified), "full": said}))
}
