//! Owns `interval`: months, days and microseconds, which are never turned into each other,
//! since a month has no fixed number of days and a day none of hours.

use std::fmt;

use bytes::{BufMut, BytesMut};

use super::{Coded, WRONG_LENGTH};

/// A span of time as PostgreSQL keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Interval {
    /// Months; twelve are a year.
    pub months: i32,
    /// Days.
    pub days: i32,
    /// Microseconds.
    pub microseconds: i64,
}

impl Interval {
    /// `infinity`, which PostgreSQL 17 and later know.
    pub const INFINITY: Interval = Interval {
        months: i32::MAX,
        days: i32::MAX,
        microseconds: i64::MAX,
    };

    /// `-infinity`, which PostgreSQL 17 and later know.
    pub const NEGATIVE_INFINITY: Interval = Interval {
        months: i32::MIN,
        days: i32::MIN,
        microseconds: i64::MIN,
    };

    /// Whether it is neither of the infinities.
    #[inline]
    pub fn is_finite(self) -> bool {
        self != Interval::INFINITY && self != Interval::NEGATIVE_INFINITY
    }

    /// Reads `interval`.
    ///
    /// # Errors
    /// If it is not 16 bytes.
    #[inline]
    pub fn decode(bytes: &[u8]) -> Coded<Interval> {
        let (microseconds, rest) = bytes.split_first_chunk::<8>().ok_or(WRONG_LENGTH)?;
        let (days, rest) = rest.split_first_chunk::<4>().ok_or(WRONG_LENGTH)?;
        let months = rest.try_into().map_err(|_| WRONG_LENGTH)?;
        Ok(Interval {
            months: i32::from_be_bytes(months),
            days: i32::from_be_bytes(*days),
            microseconds: i64::from_be_bytes(*microseconds),
        })
    }

    /// Appends `interval`.
    #[inline]
    pub fn encode(self, out: &mut BytesMut) {
        out.put_i64(self.microseconds);
        out.put_i32(self.days);
        out.put_i32(self.months);
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Interval::INFINITY => f.write_str("infinity"),
            Interval::NEGATIVE_INFINITY => f.write_str("-infinity"),
            Interval {
                months,
                days,
                microseconds,
            } => {
                write!(f, "{months} months {days} days {microseconds} microseconds")
            }
        }
    }
}
