//! Which things belong together, when it is told pair by pair.

/// Union-find with path halving. The smallest member of a set is its root, whatever the order of joins.
#[derive(Debug)]
pub(crate) struct DisjointSets(Vec<usize>);

impl DisjointSets {
    /// `count` sets of one.
    pub(crate) fn new(count: usize) -> Self {
        Self((0..count).collect())
    }

    /// The smallest member of the set of `at`.
    pub(crate) fn root(&mut self, mut at: usize) -> usize {
        while self.0[at] != at {
            self.0[at] = self.0[self.0[at]];
            at = self.0[at];
        }
        at
    }

    /// Makes one set of two.
    pub(crate) fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        self.0[a.max(b)] = a.min(b);
    }
}
