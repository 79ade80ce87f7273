//! Owns the spread that keeps many pools from doing the same thing at the same moment. Never random
//! by itself: the same seed gives the same spread. The pool's machine and its outage ask it.

use std::time::Duration;

/// SplitMix64: enough randomness for a spread.
#[derive(Debug)]
pub(super) struct Jitter(u64);

impl Jitter {
    pub(super) fn new(seed: u64) -> Jitter {
        Jitter(seed)
    }

    /// `whole`, or up to `share` of 256 parts less.
    pub(super) fn shorten(&mut self, whole: Duration, share: u8) -> Duration {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let [part, ..] = (z ^ (z >> 31)).to_be_bytes();
        // 256 × 256 parts: `part` of 256 of `share` of 256.
        let less = whole / 65_536 * (u32::from(part) * u32::from(share));
        whole.saturating_sub(less)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spread_is_wide_bounded_and_repeatable() {
        let hour = Duration::from_secs(3600);
        let spread = |seed| {
            let mut jitter = Jitter::new(seed);
            (0..200)
                .map(|_| jitter.shorten(hour, 128))
                .collect::<Vec<_>>()
        };
        let lives = spread(7);
        assert_eq!(lives, spread(7));
        assert_ne!(lives, spread(8));
        let (least, most) = (lives.iter().min().unwrap(), lives.iter().max().unwrap());
        assert!(*least >= hour / 2 && *most <= hour, "{least:?} {most:?}");
        assert!(*least < hour * 6 / 10 && *most > hour * 9 / 10);
        assert_eq!(Jitter::new(1).shorten(hour, 0), hour);
    }
}
