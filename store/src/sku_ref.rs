//! How people name a SKU.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use vision::SkuId;

/// Names a SKU. Everything that people write, in commands and in files, is read by its [`FromStr`]: a bare word is a code even
/// when it is all digits, because codes often are article numbers; a number has to be asked for with `#`.
///
/// ```
/// use store::SkuRef;
/// use vision::SkuId;
/// assert_eq!("12".parse::<SkuRef>(), Ok(SkuRef::Code("12".into())));
/// assert_eq!("#12".parse::<SkuRef>(), Ok(SkuRef::Id(SkuId(12))));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SkuRef {
    /// By number.
    Id(SkuId),
    /// By code.
    Code(String),
}

impl FromStr for SkuRef {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let text = text.trim();
        let number = text.strip_prefix('#').and_then(|digits| digits.parse().ok());
        Ok(number.map_or_else(|| Self::Code(text.to_owned()), |number| Self::Id(SkuId(number))))
    }
}

impl fmt::Display for SkuRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => write!(f, "#{id}"),
            Self::Code(code) => f.write_str(code),
        }
    }
}
