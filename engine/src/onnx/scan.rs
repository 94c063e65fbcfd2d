//! A walk over the bytes of a model before anything is built from them.
//!
//! Decoding makes a few hundred bytes of every two-byte message, so a small file can ask for a lot of memory. The walk
//! counts what would be built, and it knows where a file is cut off.

/// Messages, strings and byte fields of one model. Large networks have some ten thousand.
const MAX_FIELDS: usize = 1 << 20;

/// Graphs within graphs. Prost stops at 100.
const MAX_DEPTH: usize = 64;

/// The fields of a tensor that say that its numbers are not in the file, and where they are.
const DATA_LOCATION: u64 = 14;
const EXTERNAL_DATA: u64 = 13;

/// Why bytes are no model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ScanError {
    /// The bytes end inside of a field.
    CutOff { at: usize },
    /// There is no such field.
    NotProtobuf { at: usize },
    /// Too much would be built.
    TooManyFields,
    /// Too deep.
    TooDeep,
}

/// The messages that hold messages, strings or byte fields worth counting.
#[derive(Clone, Copy)]
enum Kind {
    Model,
    Training,
    Function,
    Graph,
    Node,
    Attribute,
    Tensor,
    Sparse,
    Value,
    Type,
    TensorType,
    Shape,
    /// Holds only numbers and strings.
    Flat,
}

impl Kind {
    /// What the length-delimited field `number` holds; `None` for bytes, strings and packed numbers.
    fn child(self, number: u64) -> Option<Self> {
        match (self, number) {
            (Self::Model, 7) | (Self::Attribute, 6 | 11) | (Self::Training, 1 | 2) => Some(Self::Graph),
            // Whoever runs a model reads these too, and so whatever their tensors name.
            (Self::Model, 20) => Some(Self::Training),
            (Self::Model, 25) => Some(Self::Function),
            (Self::Graph, 1) | (Self::Function, 7) => Some(Self::Node),
            (Self::Node, 5) | (Self::Function, 11) => Some(Self::Attribute),
            (Self::Graph, 5) | (Self::Attribute, 5 | 10) | (Self::Sparse, 1 | 2) => Some(Self::Tensor),
            (Self::Graph, 15) | (Self::Attribute, 22) => Some(Self::Sparse),
            (Self::Graph, 11..=13) | (Self::Function, 12) => Some(Self::Value),
            (Self::Value, 2) | (Self::Attribute, 14) => Some(Self::Type),
            (Self::Type, 1) => Some(Self::TensorType),
            (Self::TensorType, 2) => Some(Self::Shape),
            (Self::Shape, 1)
            | (Self::Model, 8 | 14)
            | (Self::Training, 3 | 4)
            | (Self::Function, 9 | 14)
            | (Self::Graph, 16)
            | (Self::Node, 9)
            | (Self::Tensor, 13 | 16)
            | (Self::Value, 4) => Some(Self::Flat),
            _ => None,
        }
    }
}

/// What a walk learns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Facts {
    /// Some tensor says that its numbers are in another file.
    pub(super) external: bool,
}

/// Checks that `bytes` can be decoded as a model within bounds.
pub(super) fn check(bytes: &[u8]) -> Result<Facts, ScanError> {
    let mut walk = Walk { bytes, at: 0, fields: 0, facts: Facts::default() };
    walk.message(Kind::Model, bytes.len(), 0)?;
    Ok(walk.facts)
}

struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
    fields: usize,
    facts: Facts,
}

impl Walk<'_> {
    fn message(&mut self, kind: Kind, end: usize, depth: usize) -> Result<(), ScanError> {
        if depth > MAX_DEPTH {
            return Err(ScanError::TooDeep);
        }
        while self.at < end {
            let start = self.at;
            let key = self.varint(end)?;
            let (number, wire_type) = (key >> 3, key & 7);
            if number == 0 {
                return Err(ScanError::NotProtobuf { at: start });
            }
            match wire_type {
                0 => {
                    let value = self.varint(end)?;
                    self.facts.external |= matches!((kind, number), (Kind::Tensor, DATA_LOCATION)) && value != 0;
                }
                1 => self.skip(8, end)?,
                5 => self.skip(4, end)?,
                2 => {
                    self.fields += 1;
                    if self.fields > MAX_FIELDS {
                        return Err(ScanError::TooManyFields);
                    }
                    self.facts.external |= matches!((kind, number), (Kind::Tensor, EXTERNAL_DATA));
                    let len = self.varint(end)?;
                    let stop = usize::try_from(len).ok().and_then(|len| self.at.checked_add(len));
                    let stop = stop.filter(|stop| *stop <= end).ok_or(ScanError::CutOff { at: start })?;
                    match kind.child(number) {
                        Some(child) => self.message(child, stop, depth + 1)?,
                        None => self.at = stop,
                    }
                }
                _ => return Err(ScanError::NotProtobuf { at: start }),
            }
        }
        Ok(())
    }

    fn skip(&mut self, len: usize, end: usize) -> Result<(), ScanError> {
        if end - self.at < len {
            return Err(ScanError::CutOff { at: self.at });
        }
        self.at += len;
        Ok(())
    }

    fn varint(&mut self, end: usize) -> Result<u64, ScanError> {
        let start = self.at;
        let mut value = 0;
        for shift in (0..70).step_by(7) {
            if self.at >= end {
                return Err(ScanError::CutOff { at: start });
            }
            let byte = self.bytes[self.at];
            self.at += 1;
            value |= u64::from(byte & 0x7f).wrapping_shl(shift);
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(ScanError::NotProtobuf { at: start })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_named_with_their_place() {
        for (bytes, expected) in [
            (&b""[..], Ok(Facts { external: false })),
            (&[0x08, 0x0a], Ok(Facts { external: false })),
            // A graph with a tensor with an entry about another file.
            (&[0x3a, 0x04, 0x2a, 0x02, 0x6a, 0x00], Ok(Facts { external: true })),
            // The same in a node's constant, by place alone, and all that within a function and a training step.
            (&[0x3a, 0x08, 0x0a, 0x06, 0x2a, 0x04, 0x2a, 0x02, 0x6a, 0x00], Ok(Facts { external: true })),
            (&[0x3a, 0x04, 0x2a, 0x02, 0x70, 0x01], Ok(Facts { external: true })),
            (&[0x3a, 0x04, 0x2a, 0x02, 0x70, 0x00], Ok(Facts { external: false })),
            (&[0xca, 0x01, 0x08, 0x3a, 0x06, 0x2a, 0x04, 0x2a, 0x02, 0x6a, 0x00], Ok(Facts { external: true })),
            (&[0xca, 0x01, 0x06, 0x5a, 0x04, 0x2a, 0x02, 0x6a, 0x00], Ok(Facts { external: true })),
            (&[0xa2, 0x01, 0x06, 0x0a, 0x04, 0x2a, 0x02, 0x6a, 0x00], Ok(Facts { external: true })),
            (&[0xa2, 0x01, 0x06, 0x12, 0x04, 0x2a, 0x02, 0x6a, 0x00], Ok(Facts { external: true })),
            // Functions of sound nodes are sound.
            (&[0xca, 0x01, 0x04, 0x3a, 0x02, 0x2a, 0x00], Ok(Facts { external: false })),
            (&[0x08], Err(ScanError::CutOff { at: 1 })),
            (&[0x3a, 0x05, 0x00], Err(ScanError::CutOff { at: 0 })),
            (&[0x00, 0x00], Err(ScanError::NotProtobuf { at: 0 })),
            (&[0x0f], Err(ScanError::NotProtobuf { at: 0 })),
            (&[0xff; 12], Err(ScanError::NotProtobuf { at: 0 })),
            (&[0x0d, 1, 2, 3], Err(ScanError::CutOff { at: 1 })),
            // A node inside a graph says that it is longer than the graph.
            (&[0x3a, 0x02, 0x0a, 0x7f], Err(ScanError::CutOff { at: 2 })),
        ] {
            assert_eq!(check(bytes), expected, "{bytes:?}");
        }
    }

    #[test]
    fn what_would_take_much_memory_is_refused() {
        let entries = [0x72, 0x00].repeat(MAX_FIELDS);
        assert!(check(&entries).is_ok());
        assert_eq!(check(&[entries, vec![0x72, 0x00]].concat()), Err(ScanError::TooManyFields));

        // Graph -> node -> attribute -> graph, over and over.
        let mut bytes = Vec::new();
        for _ in 0..40 {
            for field in [6_u8, 5, 1] {
                let mut outer = vec![field << 3 | 2];
                prost::encode_length_delimiter(bytes.len(), &mut outer).unwrap();
                bytes = [outer, bytes].concat();
            }
        }
        let mut model = vec![7 << 3 | 2];
        prost::encode_length_delimiter(bytes.len(), &mut model).unwrap();
        assert_eq!(check(&[model, bytes].concat()), Err(ScanError::TooDeep));
    }
}
