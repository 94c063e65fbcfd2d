//! What boxes may be, before they are kept.

use std::collections::BTreeMap;

use crate::error::StoreError;
use crate::photos::{Facing, Photo};
use crate::sql::{Tx, values};

/// Most boxes of a photo.
const MAX_BOXES: usize = 2_000;
/// Longest name of a class.
const MAX_CLASS: usize = 64;

/// Boxes as an answer gave them, as far as a person can be shown them: those of less than a pixel are left out.
pub(super) fn visible(photo: &Photo) -> Vec<Facing> {
    let (width, height) = (photo.width as f32, photo.height as f32);
    let clipped = photo.answer.iter().map(|facing| {
        let [x1, y1, x2, y2] = facing.corners;
        let corners = [x1.clamp(0.0, width), y1.clamp(0.0, height), x2.clamp(0.0, width), y2.clamp(0.0, height)];
        Facing { corners, ..facing.clone() }
    });
    clipped.filter(|facing| is_large(facing.corners)).collect()
}

/// NaN is not.
fn is_large([x1, y1, x2, y2]: [f32; 4]) -> bool {
    x2 - x1 >= 1.0 && y2 - y1 >= 1.0
}

/// Boxes within the photo, in the order given, with the codes of their SKUs; what a machine measured is not kept of them.
pub(super) async fn checked(tx: &mut Tx, photo: &Photo, boxes: Vec<Facing>) -> Result<Vec<Facing>, StoreError> {
    if boxes.len() > MAX_BOXES {
        return Err(StoreError::invalid("boxes", format!("{} boxes", boxes.len()), format!("at most {MAX_BOXES}")));
    }
    // What the answer named is a SKU, whether or not this catalogue has it.
    let named = photo.answer.iter().filter_map(|facing| facing.sku.zip(facing.code.clone()));
    let mut codes: BTreeMap<u32, String> = named.collect();
    let mut checked = Vec::with_capacity(boxes.len());
    for (at, facing) in boxes.into_iter().enumerate() {
        let Facing { corners, class, sku, .. } = facing;
        let wrong = |value: String, allowed: String| StoreError::invalid("boxes", format!("[{at}] {value}"), allowed);
        let [x1, y1, x2, y2] = corners;
        let (width, height) = (photo.width as f32, photo.height as f32);
        let within = x1 >= 0.0 && y1 >= 0.0 && x2 <= width && y2 <= height && is_large(corners);
        if !within {
            let allowed = format!("boxes x1, y1, x2, y2 of at least one pixel within {width} x {height}");
            return Err(wrong(format!("{corners:?}"), allowed));
        }
        let length = class.chars().take(MAX_CLASS + 1).count();
        if !(1..=MAX_CLASS).contains(&length) || class.chars().any(char::is_control) {
            return Err(wrong(class, format!("classes of 1 to {MAX_CLASS} characters, none a control character")));
        }
        let code = match sku {
            None => None,
            Some(sku) => Some(match codes.get(&sku) {
                Some(code) => String::clone(code),
                None => {
                    let row = tx.optional("SELECT code FROM skus WHERE id = $1 AND id > 0", values![sku]).await?;
                    let row =
                        row.ok_or_else(|| wrong(format!("sku {sku}"), "a SKU of the catalogue, or none".to_owned()))?;
                    codes.entry(sku).or_insert(row.text("code")?).clone()
                }
            }),
        };
        checked.push(Facing { corners, class, sku, code, confidence: None, similarity: None });
    }
    Ok(checked)
}
