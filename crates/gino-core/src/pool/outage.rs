//! Owns when a server that could not be reached may be tried again: after pauses that grow, by one
//! borrower at a time. Never connects or waits. The pool's machine asks it.

use std::time::Duration;

use super::jitter::Jitter;
use crate::clock::Instant;

/// What is known of an outage.
#[derive(Debug, Default)]
pub(super) struct Outage {
    failures: u32,
    until: Option<Instant>,
}

impl Outage {
    /// An attempt failed. Those that were under way together count as one.
    pub(super) fn failed(&mut self, now: Instant, jitter: &mut Jitter) {
        if self.pause(now).is_some() {
            return;
        }
        let factor = 1_u32.checked_shl(self.failures).unwrap_or(u32::MAX);
        let pause = FIRST.saturating_mul(factor).min(LONGEST);
        self.failures = self.failures.saturating_add(1).min(16);
        self.until = Some(now + jitter.shorten(pause, HALF));
    }

    /// An attempt was successful.
    pub(super) fn ended(&mut self) {
        *self = Outage::default();
    }

    /// Whether the last attempt failed.
    pub(super) fn is_on(&self) -> bool {
        self.failures > 0
    }

    /// How long nobody may try yet, if that is so.
    pub(super) fn pause(&self, now: Instant) -> Option<Duration> {
        let left = self.until?.saturating_since(now);
        (!left.is_zero()).then_some(left)
    }

    /// When the pause ends.
    pub(super) fn until(&self) -> Option<Instant> {
        self.until
    }
}

/// The pause after the first failure; each further one is twice as long.
const FIRST: Duration = Duration::from_millis(100);

/// No pause is longer: who waits is served soon after the server is back.
const LONGEST: Duration = Duration::from_secs(1);

/// How much shorter than that a pause may be, in parts of 256: half.
const HALF: u8 = 128;
