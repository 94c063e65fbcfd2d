//! From a query string to the options of the domain.

use chrono::DateTime;
use pipeline::{RecognizeOptions, RequestLimits};
use store::model::Timestamp;
use thiserror::Error;
use utoipa::IntoParams;
use vision::Tiling;
use vision::tiles::MAX_TILES_PER_SIDE;

use crate::upload::shorten;

/// Longest name of a store, a shelf or a user.
const MAX_NAME: usize = 64;

/// Maximum number of candidates named per facing.
const MAX_TOP_K: usize = 100;

/// What may differ from request to request. Left out: what the server is configured with.
#[derive(Debug, Clone, PartialEq, Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RecognizeQuery {
    /// Detections below this confidence are dropped, whatever their class.
    #[param(minimum = 0, maximum = 1, example = 0.25)]
    pub conf: Option<f32>,
    /// Boxes that overlap more than this are one object.
    #[param(minimum = 0, maximum = 1, example = 0.7)]
    pub iou: Option<f32>,
    /// Whether the photo is cut into overlapping tiles: `auto`, `off`, or COLUMNSxROWS such as `2x2`.
    #[param(value_type = Option<String>, pattern = "^(auto|off|[1-8]x[1-8])$", example = "auto")]
    pub tiles: Option<Tiling>,
    /// Candidates named per facing.
    #[param(minimum = 1, maximum = 100, example = 5)]
    pub top_k: Option<usize>,
    /// Whether facings carry their embeddings.
    #[param(example = false)]
    pub return_embeddings: Option<bool>,
    /// Whether the answer carries the photo with boxes and names, as base64 in `annotated_image`. To get the image
    /// itself, ask with `Accept: image/jpeg`.
    #[param(example = false)]
    pub annotate: Option<bool>,
    /// Which gallery names the facings: `served` (the one people enrol into), or `example`, which knows the photo at
    /// `/example.jpg` and feeds no review queue.
    #[param(value_type = Option<String>, pattern = "^(served|example)$", example = "served")]
    pub gallery: Option<GalleryChoice>,
    /// Name of the store the photo was taken in, for the log of answers; no store fills the review queue alone.
    #[param(min_length = 1, max_length = 64, example = "north-12")]
    pub store: Option<String>,
    /// Name of the shelf, for the log of answers.
    #[param(min_length = 1, max_length = 64, example = "dairy-3")]
    pub shelf: Option<String>,
    /// Who asks: while an A/B test runs, the same release answers the same user. Without it the store decides, and without that, chance.
    #[param(min_length = 1, max_length = 64, example = "u-17")]
    pub user_id: Option<String>,
    /// When the photo was taken, for the log of answers: RFC 3339.
    #[param(value_type = Option<String>, format = DateTime, example = "2026-11-21T09:30:00Z")]
    pub taken_at: Option<Timestamp>,
}

/// Which gallery names the facings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GalleryChoice {
    /// The one people enrol into.
    #[default]
    Served,
    /// The one that comes with the program.
    Example,
}

/// A parameter that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ParameterError {
    /// No such parameter.
    #[error(
        "there is no parameter {name:?}; there are conf, iou, tiles, top_k, return_embeddings, annotate, gallery, store, shelf, \
             user_id, taken_at"
    )]
    Unknown {
        /// As written.
        name: String,
    },
    /// Two values for one.
    #[error("the parameter {name} is given more than once; give it once")]
    Repeated {
        /// The name in question.
        name: String,
    },
    /// A value it may not have.
    #[error("{name} is {value:?}, but it must be {allowed}")]
    Value {
        /// The name in question.
        name: String,
        /// As written.
        value: String,
        /// What it may be.
        allowed: String,
    },
}

impl RecognizeQuery {
    /// From the pairs of a query string. Unknown parameters are refused: `confidence=0.9`, quietly ignored, would give
    /// an answer nobody asked for.
    ///
    /// # Errors
    /// When a parameter is unknown, repeated, or has a value it may not have.
    pub fn parse(pairs: &[(String, String)]) -> Result<Self, ParameterError> {
        let mut query = Self::default();
        for (at, (name, value)) in pairs.iter().enumerate() {
            if pairs[..at].iter().any(|(other, _)| other == name) {
                return Err(ParameterError::Repeated { name: shorten(name) });
            }
            let wrong = |allowed| ParameterError::Value { name: shorten(name), value: shorten(value), allowed };
            match name.as_str() {
                "conf" => query.conf = Some(fraction(value).map_err(wrong)?),
                "iou" => query.iou = Some(fraction(value).map_err(wrong)?),
                "tiles" => query.tiles = Some(tiling(value).map_err(wrong)?),
                "top_k" => query.top_k = Some(top_k(value).map_err(wrong)?),
                "return_embeddings" => query.return_embeddings = Some(yes_or_no(value).map_err(wrong)?),
                "annotate" => query.annotate = Some(yes_or_no(value).map_err(wrong)?),
                "gallery" => query.gallery = Some(gallery(value).map_err(wrong)?),
                "store" => query.store = Some(name_of_place(value).map_err(wrong)?),
                "shelf" => query.shelf = Some(name_of_place(value).map_err(wrong)?),
                "user_id" => query.user_id = Some(name_of_place(value).map_err(wrong)?),
                "taken_at" => query.taken_at = Some(moment(value).map_err(wrong)?),
                _ => return Err(ParameterError::Unknown { name: shorten(name) }),
            }
        }
        Ok(query)
    }

    /// Makes sure that it asks for no more work than the operator allows, of a detector that sees `input_pixels` at a time.
    ///
    /// # Errors
    /// When a parameter asks for more.
    pub fn within(&self, limits: &RequestLimits, input_pixels: u64) -> Result<(), ParameterError> {
        let wrong =
            |name: &str, value: String, allowed| ParameterError::Value { name: name.to_owned(), value, allowed };
        // Written so that NaN fails.
        if let Some(conf) = self.conf.filter(|conf| !(*conf >= limits.min_confidence)) {
            let allowed = format!("a number within {} and 1 here", limits.min_confidence);
            return Err(wrong("conf", conf.to_string(), allowed));
        }
        if let Some(Tiling::Grid { columns, rows }) = self.tiles
            && !limits.allow(columns * rows, input_pixels)
        {
            let max = (0..=limits.max_tiles).rev().find(|tiles| limits.allow(*tiles, input_pixels)).unwrap_or(0);
            let allowed = format!("auto, off, or a grid of at most {max} tiles here");
            return Err(wrong("tiles", format!("{columns}x{rows}"), allowed));
        }
        Ok(())
    }

    /// The server's `defaults` with what the query says instead. Its confidence takes the place of those of single classes too:
    /// who asks for everything from .3 on means everything.
    #[must_use]
    pub fn over(&self, defaults: &RecognizeOptions) -> RecognizeOptions {
        let mut options = defaults.clone();
        if let Some(conf) = self.conf {
            options.detect.confidence = conf.into();
        }
        options.detect.iou = self.iou.unwrap_or(options.detect.iou);
        options.detect.tiling = self.tiles.unwrap_or(options.detect.tiling);
        options.top_k = self.top_k.unwrap_or(options.top_k);
        options.keep_embeddings = self.return_embeddings.unwrap_or(options.keep_embeddings);
        options
    }
}

fn fraction(text: &str) -> Result<f32, String> {
    let within = |v: &f32| (0.0..=1.0).contains(v);
    text.parse().ok().filter(within).ok_or_else(|| "a number within 0 and 1".to_owned())
}

fn tiling(text: &str) -> Result<Tiling, String> {
    let allowed = || format!("auto, off, or COLUMNSxROWS such as 2x2 (1 to {MAX_TILES_PER_SIDE} each)");
    text.parse().map_err(|_| allowed())
}

fn top_k(text: &str) -> Result<usize, String> {
    let within = |v: &usize| (1..=MAX_TOP_K).contains(v);
    text.parse().ok().filter(within).ok_or_else(|| format!("a whole number within 1 and {MAX_TOP_K}"))
}

fn gallery(text: &str) -> Result<GalleryChoice, String> {
    match text {
        "served" => Ok(GalleryChoice::Served),
        "example" => Ok(GalleryChoice::Example),
        _ => Err("served or example".to_owned()),
    }
}

fn name_of_place(text: &str) -> Result<String, String> {
    let sound = (1..=MAX_NAME).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    if sound {
        Ok(text.to_owned())
    } else {
        Err(format!("1 to {MAX_NAME} characters, none of them a control character"))
    }
}

fn moment(text: &str) -> Result<Timestamp, String> {
    let moment = DateTime::parse_from_rfc3339(text).ok().map(|moment| moment.timestamp_millis());
    moment.filter(|at| *at >= 0).ok_or_else(|| "a moment such as 2026-11-21T09:30:00Z".to_owned())
}

fn yes_or_no(text: &str) -> Result<bool, String> {
    // Python writes True and False.
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err("true or false".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(query: &str) -> Result<RecognizeQuery, ParameterError> {
        let pairs = query.split('&').filter(|p| !p.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (name.to_owned(), value.to_owned())
        });
        RecognizeQuery::parse(&pairs.collect::<Vec<_>>())
    }

    #[test]
    fn what_is_left_out_stays_as_configured() {
        let mut defaults = RecognizeOptions::default();
        defaults.detect.confidence.by_class.insert("can".to_owned(), 0.7);
        assert_eq!(parse("").expect("nothing is fine").over(&defaults), defaults);
        let query = parse("conf=0.5&iou=1&tiles=3x2&top_k=7&return_embeddings=true&annotate=1").expect("all are fine");
        let options = query.over(&defaults);
        assert_eq!((options.detect.confidence, options.detect.iou), (0.5.into(), 1.0));
        assert_eq!(options.detect.tiling, Tiling::Grid { columns: 3, rows: 2 });
        assert_eq!((options.top_k, options.keep_embeddings, query.annotate), (7, true, Some(true)));
        assert_eq!(options.detect.max_detections, defaults.detect.max_detections);
        let query =
            parse("store=north-12&shelf=K\u{fc}hlung&taken_at=2026-11-21T09:30:00+01:00").expect("all are fine");
        assert_eq!((query.store.as_deref(), query.shelf.as_deref()), (Some("north-12"), Some("K\u{fc}hlung")));
        assert_eq!(query.taken_at, Some(1_795_249_800_000), "date -u -d 2026-11-21T08:30:00Z +%s");
    }

    #[test]
    fn the_operator_bounds_what_may_be_asked_for() {
        let limits = RequestLimits { max_tiles: 9, min_confidence: 0.1, max_input_megapixels: 5 };
        let check = |query: &str, pixels: u64, refused: Option<&str>| {
            let found = parse(query).expect(query).within(&limits, pixels).map_err(|error| error.to_string());
            match refused {
                None => assert_eq!(found, Ok(()), "{query}"),
                Some(words) => assert!(found.clone().is_err_and(|text| text.contains(words)), "{query}: {found:?}"),
            }
        };
        check("conf=0.1&tiles=3x3", 0, None);
        check("", 5_000_000, None);
        check("tiles=auto", 5_000_000, None);
        check("conf=0.09", 0, Some("within 0.1 and 1"));
        check("conf=0", 0, Some("within 0.1 and 1"));
        check("tiles=2x5", 0, Some("at most 9 tiles"));
        check("tiles=8x8&conf=0&iou=1", 0, Some("conf"));
        check("tiles=2x2", 1_000_000, None);
        check("tiles=3x2", 1_000_000, Some("at most 4 tiles"));
    }

    #[test]
    fn errors_name_parameter_value_and_range() {
        let check = |query: &str, expected: &str| {
            let error = parse(query).expect_err(query).to_string();
            assert!(error.contains(expected), "{query}: {error}");
        };
        check("conf=1.5", "conf is \"1.5\", but it must be a number within 0 and 1");
        check("conf=-0.1", "conf is \"-0.1\"");
        check("conf=NaN", "conf is \"NaN\"");
        check("conf=", "conf is \"\"");
        check("iou=half", "iou is \"half\"");
        check("tiles=9x1", "tiles is \"9x1\", but it must be auto, off, or COLUMNSxROWS");
        check("tiles=0x1", "tiles is \"0x1\"");
        check("top_k=0", "top_k is \"0\", but it must be a whole number within 1 and 100");
        check("top_k=1e2", "top_k is \"1e2\"");
        check("top_k=101", "top_k is \"101\"");
        check("annotate=maybe", "annotate is \"maybe\", but it must be true or false");
        check("return_embeddings=yes", "return_embeddings is \"yes\"");
        check("gallery=other", "gallery is \"other\", but it must be served or example");
        check("store=", "store is \"\", but it must be 1 to 64 characters");
        check("user_id=", "user_id is \"\", but it must be 1 to 64 characters");
        check("shelf=a\u{7}", "none of them a control character");
        check("taken_at=yesterday", "taken_at is \"yesterday\", but it must be a moment such as 2026-11-21T09:30:00Z");
        check("taken_at=1969-12-31T23:59:59Z", "taken_at");
        check("confidence=0.5", "no parameter \"confidence\"; there are conf, iou");
        check("conf=0.5&conf=0.6", "conf is given more than once");
    }
}
