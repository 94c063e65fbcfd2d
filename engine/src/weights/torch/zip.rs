//! Zip archives as PyTorch writes them: uncompressed (APPNOTE.TXT of PKWARE, sections 4.3 and 4.4).

use std::collections::BTreeMap;

/// The files of an archive.
pub(super) struct Archive<'a> {
    files: BTreeMap<String, &'a [u8]>,
}

const END: &[u8] = b"PK\x05\x06";
const CENTRAL: &[u8] = b"PK\x01\x02";
const LOCAL: &[u8] = b"PK\x03\x04";
/// What the end of an archive takes with the longest comment.
const LONGEST_END: usize = 22 + 65_535;

fn u16_at(bytes: &[u8], at: usize) -> Option<usize> {
    bytes.get(at..at + 2).map(|b| usize::from(u16::from_le_bytes([b[0], b[1]])))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<usize> {
    bytes.get(at..at + 4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]) as usize)
}

impl<'a> Archive<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, String> {
        let last = &bytes[bytes.len().saturating_sub(LONGEST_END)..];
        let end = last.windows(END.len()).rposition(|window| window == END);
        let end = &last[end.ok_or("it is neither a zip archive nor an older file of PyTorch's")?..];
        let broken = || "its zip archive is broken".to_owned();
        let (count, mut at) = u16_at(end, 10).zip(u32_at(end, 16)).ok_or_else(broken)?;
        if count == 0xffff || at == 0xffff_ffff {
            return Err("its zip archive is of the kind for more than 4 GiB".to_owned());
        }
        let mut files = BTreeMap::new();
        for _ in 0..count {
            let (name, content, next) = Self::entry(bytes, at).ok_or_else(broken)?;
            let content = content.ok_or_else(|| format!("{name} in it is compressed; PyTorch does not compress"))?;
            files.insert(name, content);
            at = next;
        }
        Ok(Self { files })
    }

    /// Name and content of the entry at `at` of the directory, and where the next one is. A compressed one has no content.
    fn entry(bytes: &'a [u8], at: usize) -> Option<(String, Option<&'a [u8]>, usize)> {
        let head = bytes.get(at..at.checked_add(46)?).filter(|head| head.starts_with(CENTRAL))?;
        let (method, size, whole) = (u16_at(head, 10)?, u32_at(head, 20)?, u32_at(head, 24)?);
        let (name, extra, comment) = (u16_at(head, 28)?, u16_at(head, 30)?, u16_at(head, 32)?);
        let start = u32_at(head, 42)?;
        let text = String::from_utf8_lossy(bytes.get(at + 46..at + 46 + name)?).into_owned();
        let next = at + 46 + name + extra + comment;
        if method != 0 || size != whole {
            return Some((text, None, next));
        }
        let local = bytes.get(start..start.checked_add(30)?).filter(|local| local.starts_with(LOCAL))?;
        let begin = start + 30 + u16_at(local, 26)? + u16_at(local, 28)?;
        Some((text, Some(bytes.get(begin..begin.checked_add(size)?)?), next))
    }

    pub(super) fn get(&self, name: &str) -> Option<&'a [u8]> {
        self.files.get(name).copied()
    }

    /// The first file with such a name in any folder: the folder's name, with its `/`, and the content.
    pub(super) fn find_suffix(&self, name: &str) -> Option<(&str, &'a [u8])> {
        self.files.iter().find_map(|(path, content)| Some((path.strip_suffix(name)?, *content)))
    }
}
