//! What Ultralytics writes into the files it exports: `names`, `stride`, `imgsz`, `task`.
//!
//! The values are Python's `repr` of a dict or a list. They come from outside, so they are read by a small parser with
//! limits, never evaluated.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::str::CharIndices;

use thiserror::Error;

/// What an export says about itself. Absent keys are `None`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExportMetadata {
    /// Class names by output.
    pub names: Option<Vec<String>>,
    /// Sides of the input must be multiples of this.
    pub stride: Option<u32>,
    /// Height and width the network was exported for.
    pub image_size: Option<(u32, u32)>,
    /// `detect` for detectors.
    pub task: Option<String>,
}

/// Metadata that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{key}` in the model's metadata is not understood at byte {at}: {problem}")]
pub struct MetadataError {
    /// Which value.
    pub key: &'static str,
    /// Where in it.
    pub at: usize,
    /// What is wrong there.
    pub problem: Problem,
}

/// What is wrong with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Problem {
    /// Something else was expected.
    #[error("expected {0}")]
    Expected(&'static str),
    /// Longer than [`MAX_BYTES`].
    #[error("longer than {MAX_BYTES} bytes")]
    TooLong,
    /// More classes than [`MAX_CLASSES`].
    #[error("more than {MAX_CLASSES} classes")]
    TooMany,
    /// A name longer than [`MAX_NAME_CHARS`].
    #[error("a name of more than {MAX_NAME_CHARS} characters")]
    LongName,
    /// A class has two names.
    #[error("class {0} is named twice")]
    Twice(usize),
    /// Class numbers have a gap.
    #[error("class {0} has no name")]
    Gap(usize),
}

/// Longest value read.
pub const MAX_BYTES: usize = 1 << 20;
/// Maximum number of class names read.
pub const MAX_CLASSES: usize = 10_000;
/// Longest class name read.
pub const MAX_NAME_CHARS: usize = 200;

impl ExportMetadata {
    /// Reads what it knows from a model's key-value pairs.
    ///
    /// # Errors
    /// When a known key holds something else than Ultralytics writes there.
    pub fn parse(pairs: &BTreeMap<String, String>) -> Result<Self, MetadataError> {
        Ok(Self {
            names: pairs.get("names").map(|text| parse_names(text)).transpose()?,
            stride: pairs.get("stride").map(|text| parse_stride(text)).transpose()?,
            image_size: pairs.get("imgsz").map(|text| parse_image_size(text)).transpose()?,
            task: pairs.get("task").cloned(),
        })
    }
}

/// Class names by output from `{0: 'person', 1: "driver's seat"}` or `['person', 'car']`.
///
/// # Errors
/// When the text is no such literal, skips or repeats a class, or is longer than a model's names may be.
pub fn parse_names(text: &str) -> Result<Vec<String>, MetadataError> {
    let mut reader = Reader::new("names", text)?;
    let names = match reader.take("`{` or `[`", |c| matches!(c, '{' | '['))? {
        '[' => reader.items(']', |r, names: &mut Vec<String>| {
            names.push(r.string()?);
            Ok(names.len())
        })?,
        _ => {
            let named = reader.items('}', |r, names: &mut BTreeMap<usize, String>| {
                let at = r.at();
                let class = r.class_number()?;
                r.take("`:`", |c| c == ':')?;
                match names.insert(class, r.string()?) {
                    Some(_) => Err(r.error(at, Problem::Twice(class))),
                    None => Ok(names.len()),
                }
            })?;
            if let Some((expected, _)) = (0..).zip(named.keys()).find(|(expected, class)| expected != *class) {
                return Err(reader.error(text.len(), Problem::Gap(expected)));
            }
            named.into_values().collect()
        }
    };
    reader.end()?;
    Ok(names)
}

fn parse_stride(text: &str) -> Result<u32, MetadataError> {
    let mut reader = Reader::new("stride", text)?;
    let stride = reader.side()?;
    reader.end()?;
    Ok(stride)
}

/// `[height, width]`, or one number for both.
fn parse_image_size(text: &str) -> Result<(u32, u32), MetadataError> {
    let mut reader = Reader::new("imgsz", text)?;
    let size = if reader.skip('[') {
        let height = reader.side()?;
        reader.take("`,`", |c| c == ',')?;
        let width = reader.side()?;
        reader.take("`]`", |c| c == ']')?;
        (height, width)
    } else {
        let side = reader.side()?;
        (side, side)
    };
    reader.end()?;
    Ok(size)
}

/// Reads tokens of Python literals, skipping white space between them.
struct Reader<'a> {
    key: &'static str,
    length: usize,
    chars: Peekable<CharIndices<'a>>,
}

impl<'a> Reader<'a> {
    fn new(key: &'static str, text: &'a str) -> Result<Self, MetadataError> {
        if text.len() > MAX_BYTES {
            return Err(MetadataError { key, at: MAX_BYTES, problem: Problem::TooLong });
        }
        Ok(Self { key, length: text.len(), chars: text.char_indices().peekable() })
    }

    fn error(&self, at: usize, problem: Problem) -> MetadataError {
        MetadataError { key: self.key, at, problem }
    }

    fn expected(&mut self, what: &'static str) -> MetadataError {
        let at = self.at();
        self.error(at, Problem::Expected(what))
    }

    /// Offset of the next character.
    fn at(&mut self) -> usize {
        self.chars.peek().map_or(self.length, |&(at, _)| at)
    }

    fn skip_space(&mut self) {
        while self.chars.next_if(|(_, c)| c.is_ascii_whitespace()).is_some() {}
    }

    fn take(&mut self, what: &'static str, wanted: impl Fn(char) -> bool) -> Result<char, MetadataError> {
        self.skip_space();
        match self.chars.next_if(|&(_, c)| wanted(c)) {
            Some((_, c)) => Ok(c),
            None => Err(self.expected(what)),
        }
    }

    fn skip(&mut self, wanted: char) -> bool {
        self.skip_space();
        self.chars.next_if(|&(_, c)| c == wanted).is_some()
    }

    fn end(&mut self) -> Result<(), MetadataError> {
        self.skip_space();
        if self.chars.peek().is_none() { Ok(()) } else { Err(self.expected("the end")) }
    }

    /// Items up to `close`, with commas between them and perhaps one after the last. `item` reads one and says how many
    /// there are now.
    fn items<T: Default>(
        &mut self,
        close: char,
        item: impl Fn(&mut Self, &mut T) -> Result<usize, MetadataError>,
    ) -> Result<T, MetadataError> {
        let mut all = T::default();
        loop {
            if self.skip(close) {
                return Ok(all);
            }
            if item(self, &mut all)? > MAX_CLASSES {
                let at = self.at();
                return Err(self.error(at, Problem::TooMany));
            }
            if !self.skip(',') {
                return if self.skip(close) { Ok(all) } else { Err(self.expected("`,` or the end of the names")) };
            }
        }
    }

    fn number(&mut self) -> Result<usize, MetadataError> {
        self.skip_space();
        let mut value: Option<usize> = None;
        while let Some(digit) = self.chars.peek().and_then(|&(_, c)| c.to_digit(10)) {
            let longer = value.unwrap_or(0).checked_mul(10).and_then(|v| v.checked_add(digit as usize));
            value = Some(longer.ok_or_else(|| self.expected("a smaller number"))?);
            self.chars.next();
        }
        value.ok_or_else(|| self.expected("a number"))
    }

    /// JSON writers quote the keys.
    fn class_number(&mut self) -> Result<usize, MetadataError> {
        self.skip_space();
        let quote = self.chars.next_if(|&(_, c)| c == '"' || c == '\'').map(|(_, c)| c);
        let number = self.number()?;
        if let Some(quote) = quote {
            self.take("a closing quote", |c| c == quote)?;
        }
        Ok(number)
    }

    fn side(&mut self) -> Result<u32, MetadataError> {
        let number = self.number()?;
        match u32::try_from(number) {
            Ok(side) if (1..=vision::preprocess::MAX_SIDE).contains(&side) => Ok(side),
            _ => Err(self.expected("a length of 1 to 4096 pixels")),
        }
    }

    /// A quoted string with Python's escapes.
    fn string(&mut self) -> Result<String, MetadataError> {
        let quote = self.take("a quoted name", |c| c == '\'' || c == '"')?;
        let mut name = String::new();
        for length in 0.. {
            if length > MAX_NAME_CHARS {
                let at = self.at();
                return Err(self.error(at, Problem::LongName));
            }
            match self.chars.next() {
                Some((_, c)) if c == quote => return Ok(name),
                Some((_, '\\')) => name.push(self.escape()?),
                Some((_, c)) => name.push(c),
                None => break,
            }
        }
        Err(self.expected("a closing quote"))
    }

    fn escape(&mut self) -> Result<char, MetadataError> {
        let digits = match self.chars.next() {
            Some((_, c @ ('\\' | '\'' | '"' | '/'))) => return Ok(c),
            Some((_, 'n')) => return Ok('\n'),
            Some((_, 'r')) => return Ok('\r'),
            Some((_, 't')) => return Ok('\t'),
            Some((_, 'x')) => 2,
            Some((_, 'u')) => 4,
            Some((_, 'U')) => 8,
            _ => return Err(self.expected("an escape sequence of Python")),
        };
        let mut code = 0_u32;
        for _ in 0..digits {
            let digit = self.take_digit()?;
            code = code << 4 | digit;
        }
        char::from_u32(code).ok_or_else(|| self.expected("a character that exists"))
    }

    fn take_digit(&mut self) -> Result<u32, MetadataError> {
        match self.chars.next_if(|(_, c)| c.is_ascii_hexdigit()).and_then(|(_, c)| c.to_digit(16)) {
            Some(digit) => Ok(digit),
            None => Err(self.expected("a hexadecimal digit")),
        }
    }
}
