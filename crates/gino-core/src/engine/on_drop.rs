//! Owns what has to be done when a flow is dropped half-way or leaves early. Never decides whether:
//! the flow says so, by keeping. `open`, `cancel`, `acquire`, `hook` and `inner` use it.

/// Does `act` with `value` when it is dropped, unless that is kept.
pub(super) struct OnDrop<T> {
    value: Option<T>,
    act: fn(T),
}

impl<T> OnDrop<T> {
    pub(super) fn new(value: T, act: fn(T)) -> OnDrop<T> {
        OnDrop {
            value: Some(value),
            act,
        }
    }

    /// All went well: nothing is to be done.
    pub(super) fn keep(mut self) {
        self.value = None;
    }
}

impl<T> Drop for OnDrop<T> {
    fn drop(&mut self) {
        if let Some(value) = self.value.take() {
            (self.act)(value);
        }
    }
}
