//! The Merkle tree over a folder's files.
//!
//! The shape is that of RFC 6962, section 2.1, over the leaves in byte order of their paths:
//! `root([]) = H("")`, `root([d]) = H(0x00 || d)`, `root(D) = H(0x01 || root(D[..k]) || root(D[k..]))` with `k` the largest
//! power of two below the number of leaves. Leaves and nodes are hashed with different first bytes, so no file can pretend
//! to be a tree. A leaf is `kind || len(path) || path || len(content) || SHA-256(content)`, lengths as 8 bytes, little
//! endian; kind is 0 for a file, 1 for a link whose content is the target it names.

use sha2::Digest as _;
use vision::Sha256;

/// What a leaf stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A symbolic link.
    Link,
}

/// Adds leaves one by one, in order of their paths; keeps one digest per level, not the leaves.
#[derive(Debug, Default)]
pub struct Builder {
    // Complete subtrees, largest first: (number of leaves, root). Sizes are distinct powers of two.
    complete: Vec<(u64, [u8; 32])>,
}

impl Builder {
    /// Adds the next leaf. The caller keeps the order.
    pub fn push(&mut self, kind: Kind, path: &str, size: u64, content: &Sha256) {
        let mut hasher = sha2::Sha256::new();
        hasher.update([0x00, kind as u8]);
        hasher.update((path.len() as u64).to_le_bytes());
        hasher.update(path);
        hasher.update(size.to_le_bytes());
        hasher.update(content.0);
        let mut tree = (1, hasher.finalize().into());
        while let Some(&(leaves, left)) = self.complete.last()
            && leaves == tree.0
        {
            self.complete.pop();
            tree = (leaves * 2, node(&left, &tree.1));
        }
        self.complete.push(tree);
    }

    /// The root over all leaves added.
    #[must_use]
    pub fn root(&self) -> Sha256 {
        // Smaller trees to the right join first: that is the split at the largest power of two.
        let joined = self.complete.iter().rev().map(|&(_, root)| root).reduce(|right, left| node(&left, &right));
        joined.map_or_else(|| Sha256::of(b""), Sha256)
    }
}

fn node(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    let mut hasher = sha2::Sha256::new();
    hasher.update([0x01]);
    hasher.update(left);
    hasher.update(right);
    hasher.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition, word for word.
    fn recursive(leaves: &[[u8; 32]]) -> [u8; 32] {
        match leaves {
            [] => Sha256::of(b"").0,
            [one] => *one,
            many => {
                let mut k = 1;
                while k * 2 < many.len() {
                    k *= 2;
                }
                node(&recursive(&many[..k]), &recursive(&many[k..]))
            }
        }
    }

    #[test]
    fn incremental_and_recursive_agree() {
        for count in 0..70_u64 {
            let content = |i: u64| Sha256::of(&i.to_le_bytes());
            let mut builder = Builder::default();
            let mut leaves = Vec::new();
            for i in 0..count {
                builder.push(Kind::File, &format!("{i:03}"), i, &content(i));
                let mut single = Builder::default();
                single.push(Kind::File, &format!("{i:03}"), i, &content(i));
                leaves.push(single.root().0);
            }
            assert_eq!(builder.root().0, recursive(&leaves), "{count} leaves");
        }
    }

    #[test]
    fn a_leaf_by_hand() {
        // printf '\x00\x00\x05\0\0\0\0\0\0\0a.txt\x03\0\0\0\0\0\0\0' plus `printf abc | sha256sum | xxd -r -p`, all | sha256sum
        let mut builder = Builder::default();
        builder.push(Kind::File, "a.txt", 3, &Sha256::of(b"abc"));
        assert_eq!(builder.root().to_string(), LEAF_A_TXT_ABC);
    }

    const LEAF_A_TXT_ABC: &str = "ce1fb0ec20104bcbe91942b5b6561a0ac83452ab1656a29e8383f1d617b65620";
}
