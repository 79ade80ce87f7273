//! Owns the order of a task's contextual connections: which one an implicit query reuses.
//! Never borrows or releases: the handles do. A face keeps one stack per task, in its own task-local.

/// The contextual connections of one task, the newest last.
#[derive(Debug)]
pub struct Stack<T> {
    entries: Vec<Entry<T>>,
    next: u64,
}

/// A place in a [`Stack`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place(u64);

#[derive(Debug)]
struct Entry<T> {
    place: Place,
    handle: T,
}

impl<T> Default for Stack<T> {
    fn default() -> Self {
        Stack {
            entries: Vec::new(),
            next: 0,
        }
    }
}

impl<T> Stack<T> {
    /// Puts a reusable connection on top.
    pub fn push(&mut self, handle: T) -> Place {
        let place = Place(self.next);
        self.next += 1;
        self.entries.push(Entry { place, handle });
        place
    }

    /// Takes a connection away, from wherever it is: releasing out of order is fine.
    pub fn remove(&mut self, place: Place) -> Option<T> {
        let index = self.entries.iter().position(|entry| entry.place == place)?;
        Some(self.entries.remove(index).handle)
    }

    /// The newest reusable connection.
    pub fn newest(&self) -> Option<&T> {
        self.entries.last().map(|entry| &entry.handle)
    }

    /// All connections, the oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.entries.iter().map(|entry| &entry.handle)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newest_connection_is_reused_and_releasing_out_of_order_is_fine() {
        let mut stack = Stack::default();
        let (first, second) = (stack.push("first"), stack.push("second"));
        assert_eq!(stack.newest(), Some(&"second"));
        assert_eq!(stack.remove(first), Some("first"));
        assert_eq!(stack.newest(), Some(&"second"));
        assert_eq!(stack.remove(second), Some("second"));
        assert_eq!(stack.remove(second), None);
        assert!(stack.is_empty());
    }
}
