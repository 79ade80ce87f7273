//! Owns the Rust type for the extension ltree's paths. Never checks labels: the server does.

use std::fmt;

use gino_core::codec::versioned;

use super::sql;

/// An `ltree`: labels from the root on, with dots between them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct LTree(pub String);

impl LTree {
    /// The labels, from the root on; none of the empty path.
    pub fn labels(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('.').filter(|label| !label.is_empty())
    }
}

impl fmt::Display for LTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for LTree {
    fn from(path: &str) -> Self {
        LTree(path.to_owned())
    }
}

sql! {
    LTree: |ty| ty.name() == "ltree";
    raw => LTree(versioned::decode(raw)?.to_owned());
    value, out => versioned::encode(&value.0, out)?;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_its_labels_from_the_root_on() {
        let path = LTree::from("Top.Science");
        assert!(path.labels().eq(["Top", "Science"]));
        assert_eq!(LTree::default().labels().count(), 0);
    }
}
