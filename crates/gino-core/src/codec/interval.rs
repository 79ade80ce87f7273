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

/// As PostgreSQL writes it by default: `1 year 2 mons -3 days +04:05:06.7`.
impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Interval::INFINITY => return f.write_str("infinity"),
            Interval::NEGATIVE_INFINITY => return f.write_str("-infinity"),
            _ => {}
        }
        let mut separator = "";
        let mut is_before = false;
        for (count, unit) in [
            (self.months / 12, "year"),
            (self.months % 12, "mon"),
            (self.days, "day"),
        ] {
            if count != 0 {
                // A plus says that the sign in front of it has ended.
                let sign = if is_before && count > 0 { "+" } else { "" };
                let plural = if count == 1 { "" } else { "s" };
                write!(f, "{separator}{sign}{count} {unit}{plural}")?;
                separator = " ";
                is_before = count < 0;
            }
        }
        if self.microseconds == 0 && !separator.is_empty() {
            return Ok(());
        }
        let sign = match self.microseconds < 0 {
            true => "-",
            false if is_before => "+",
            false => "",
        };
        let micros = self.microseconds.unsigned_abs();
        let (seconds, micros) = (micros / 1_000_000, micros % 1_000_000);
        let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
        write!(
            f,
            "{separator}{sign}{hours:02}:{minutes:02}:{:02}",
            seconds % 60
        )?;
        match format!(".{micros:06}").trim_end_matches('0') {
            "." => Ok(()),
            fraction => f.write_str(fraction),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_written_as_the_server_does() {
        for (months, days, microseconds, text) in [
            (0, 0, 0, "00:00:00"),
            (0, 0, 10_000_000, "00:00:10"),
            (14, -3, 14_706_700_000, "1 year 2 mons -3 days +04:05:06.7"),
            (-1, 1, 0, "-1 mons +1 day"),
            (-25, 0, -1, "-2 years -1 mons -00:00:00.000001"),
            (0, 0, i64::MIN, "-2562047788:00:54.775808"),
            (0, 2, 36_000_000_000, "2 days 10:00:00"),
        ] {
            let interval = Interval {
                months,
                days,
                microseconds,
            };
            assert_eq!(interval.to_string(), text);
            let mut out = BytesMut::new();
            interval.encode(&mut out);
            assert_eq!(Interval::decode(&out), Ok(interval));
        }
    }

    #[test]
    fn an_interval_of_another_length_is_refused() {
        assert!(Interval::decode(&[0; 15]).is_err() && Interval::decode(&[0; 17]).is_err());
        assert!(!Interval::INFINITY.is_finite() && Interval::default().is_finite());
    }
}
