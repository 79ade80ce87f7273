//! Owns `timetz`: a time of day with an offset from UTC. Never converts to another offset.
//!
//! Layout: `timetz_send`.

use std::fmt;

use bytes::{BufMut, BytesMut};

use super::datetime::{Civil, DAY, decode_time};
use super::{Coded, WRONG_LENGTH};

/// A time of day with an offset from UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TimeTz {
    /// Microseconds since midnight, up to and including 24:00, which is [`DAY`].
    pub microseconds: i64,
    /// Seconds east of UTC, less than 16 hours either way.
    pub offset: i32,
}

impl TimeTz {
    /// Reads `timetz`.
    ///
    /// # Errors
    /// If it is not 12 bytes, outside of a day, or the offset is out of range.
    #[inline]
    pub fn decode(bytes: &[u8]) -> Coded<TimeTz> {
        let (time, west) = bytes.split_first_chunk::<8>().ok_or(WRONG_LENGTH)?;
        // PostgreSQL counts west of UTC, against the sign it shows.
        let west = i32::from_be_bytes(west.try_into().map_err(|_| WRONG_LENGTH)?);
        let time = TimeTz {
            microseconds: decode_time(time)?,
            offset: west.checked_neg().ok_or(WRONG_OFFSET)?,
        };
        time.check()?;
        Ok(time)
    }

    /// Appends `timetz`.
    ///
    /// # Errors
    /// If the time is outside of a day or the offset out of range.
    #[inline]
    pub fn encode(self, out: &mut BytesMut) -> Coded {
        self.check()?;
        out.put_i64(self.microseconds);
        out.put_i32(-self.offset);
        Ok(())
    }

    fn check(self) -> Coded {
        if !(0..=DAY).contains(&self.microseconds) {
            return Err("the time is outside of a day");
        }
        if self.offset.unsigned_abs() >= MAX_OFFSET {
            return Err(WRONG_OFFSET);
        }
        Ok(())
    }
}

/// As PostgreSQL writes it: `12:34:56.5+05:30`.
impl fmt::Display for TimeTz {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.microseconds {
            DAY => f.write_str("24:00:00")?,
            time => f.write_str(&Civil::from_time(time).time_text())?,
        }
        let sign = if self.offset < 0 { '-' } else { '+' };
        let seconds = self.offset.unsigned_abs();
        write!(f, "{sign}{:02}", seconds / 3600)?;
        match (seconds / 60 % 60, seconds % 60) {
            (0, 0) => Ok(()),
            (minutes, 0) => write!(f, ":{minutes:02}"),
            (minutes, seconds) => write!(f, ":{minutes:02}:{seconds:02}"),
        }
    }
}

/// Seconds (PostgreSQL's `MAX_TZDISP_HOUR` is 15, and minutes and seconds come on top).
const MAX_OFFSET: u32 = 16 * 3600;

const WRONG_OFFSET: &str = "the offset from UTC is out of range";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_and_offset_come_back_and_are_written_as_the_server_does() {
        for (microseconds, offset, text) in [
            (0, 0, "00:00:00+00"),
            (DAY, 57_599, "24:00:00+15:59:59"),
            (45_296_500_000, 19_800, "12:34:56.5+05:30"),
            (1, -57_599, "00:00:00.000001-15:59:59"),
            (0, -12_600, "00:00:00-03:30"),
        ] {
            let time = TimeTz {
                microseconds,
                offset,
            };
            let mut out = BytesMut::new();
            time.encode(&mut out).unwrap();
            assert_eq!(TimeTz::decode(&out), Ok(time));
            assert_eq!(time.to_string(), text);
        }
    }

    #[test]
    fn what_is_out_of_range_is_refused() {
        for (time, west) in [
            (DAY + 1, 0),
            (-1, 0),
            (0, 57_600),
            (0, -57_600),
            (0, i32::MIN),
        ] {
            let mut bytes = BytesMut::new();
            bytes.put_i64(time);
            bytes.put_i32(west);
            assert!(TimeTz::decode(&bytes).is_err(), "{time} {west}");
            let value = TimeTz {
                microseconds: time,
                offset: west,
            };
            assert!(value.encode(&mut BytesMut::new()).is_err());
        }
        assert!(TimeTz::decode(&[0; 11]).is_err());
        assert!(TimeTz::decode(&[0; 13]).is_err());
    }
}
