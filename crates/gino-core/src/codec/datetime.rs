//! Owns `date`, `time`, `timestamp` and `timestamptz`: counts of days and microseconds from the start
//! of 2000, and their civil fields. Never knows a time zone: `timestamptz` is in UTC.

use std::fmt;

use bytes::{BufMut, BytesMut};

use super::{Coded, number};

/// Microseconds in a day.
pub const DAY: i64 = 86_400_000_000;

/// A place on the time line, or one of its ends, which PostgreSQL calls `-infinity` and `infinity`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timeline<T> {
    /// Before everything.
    MinusInfinity,
    /// At a finite place.
    At(T),
    /// After everything.
    Infinity,
}

/// A date and a time of day in the proleptic Gregorian calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Civil {
    /// The year; 0 is 1 BC, -1 is 2 BC.
    pub year: i32,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59.
    pub second: u8,
    /// 0 to 999,999.
    pub microsecond: u32,
}

/// Reads `date`: days since 2000-01-01.
///
/// # Errors
/// If it is not 4 bytes.
#[inline]
pub fn decode_date(bytes: &[u8]) -> Coded<Timeline<i32>> {
    Ok(match number::decode_int4(bytes)? {
        i32::MIN => Timeline::MinusInfinity,
        i32::MAX => Timeline::Infinity,
        days => Timeline::At(days),
    })
}

/// Appends `date`.
#[inline]
pub fn encode_date(days: Timeline<i32>, out: &mut BytesMut) {
    out.put_i32(match days {
        Timeline::MinusInfinity => i32::MIN,
        Timeline::At(days) => days,
        Timeline::Infinity => i32::MAX,
    });
}

/// Reads `timestamp` or `timestamptz`: microseconds since 2000-01-01, the latter in UTC.
///
/// # Errors
/// If it is not 8 bytes.
#[inline]
pub fn decode_timestamp(bytes: &[u8]) -> Coded<Timeline<i64>> {
    Ok(match number::decode_int8(bytes)? {
        i64::MIN => Timeline::MinusInfinity,
        i64::MAX => Timeline::Infinity,
        microseconds => Timeline::At(microseconds),
    })
}

/// Appends `timestamp` or `timestamptz`.
#[inline]
pub fn encode_timestamp(microseconds: Timeline<i64>, out: &mut BytesMut) {
    out.put_i64(match microseconds {
        Timeline::MinusInfinity => i64::MIN,
        Timeline::At(microseconds) => microseconds,
        Timeline::Infinity => i64::MAX,
    });
}

/// Reads `time`: microseconds since midnight, up to and including 24:00, which is [`DAY`].
///
/// # Errors
/// If it is not 8 bytes or outside of a day.
#[inline]
pub fn decode_time(bytes: &[u8]) -> Coded<i64> {
    match number::decode_int8(bytes)? {
        time @ 0..=DAY => Ok(time),
        _ => Err("the time is outside of a day"),
    }
}

/// Appends `time`.
#[inline]
pub fn encode_time(microseconds: i64, out: &mut BytesMut) {
    out.put_i64(microseconds);
}

impl Civil {
    /// The civil fields of `days` since 2000-01-01, at midnight.
    ///
    /// The algorithm is H. Hinnant's "chrono-Compatible Low-Level Date Algorithms": years begin in
    /// March, so that the leap day is the last, in eras of 400 years.
    #[inline]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a day of an era is 0..146097, a month 1..=12, a year of i32 days fits"
    )]
    pub fn from_days(days: i32) -> Civil {
        let days = i64::from(days) + EPOCH_FROM_MARCH_0;
        let era = days.div_euclid(ERA);
        let day_of_era = days.rem_euclid(ERA) as u32;
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * day_of_year + 2) / 153;
        let month = if shifted < 10 {
            shifted + 3
        } else {
            shifted - 9
        };
        Civil {
            year: (i64::from(year_of_era) + era * 400 + i64::from(month <= 2)) as i32,
            month: month as u8,
            day: (day_of_year - (153 * shifted + 2) / 5 + 1) as u8,
            hour: 0,
            minute: 0,
            second: 0,
            microsecond: 0,
        }
    }

    /// The civil fields of `microseconds` since the start of 2000.
    #[inline]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "i64 microseconds are 107 million days"
    )]
    pub fn from_micros(microseconds: i64) -> Civil {
        let date = Civil::from_days(microseconds.div_euclid(DAY) as i32);
        date.at_time(microseconds.rem_euclid(DAY))
    }

    /// The time of day of `microseconds` since midnight, with the date of 2000-01-01. 24:00 is 0:00.
    #[inline]
    pub fn from_time(microseconds: i64) -> Civil {
        let day = Civil {
            year: 2000,
            month: 1,
            day: 1,
            hour: 0,
            minute: 0,
            second: 0,
            microsecond: 0,
        };
        day.at_time(microseconds.rem_euclid(DAY))
    }

    #[inline]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the time is 0..86_400_000_000"
    )]
    fn at_time(self, time: i64) -> Civil {
        let seconds = (time / 1_000_000) as u32;
        Civil {
            hour: (seconds / 3600) as u8,
            minute: (seconds / 60 % 60) as u8,
            second: (seconds % 60) as u8,
            microsecond: (time % 1_000_000) as u32,
            ..self
        }
    }

    /// Days since 2000-01-01 of its date.
    ///
    /// # Errors
    /// If there is no such day, or `date` cannot hold it.
    #[inline]
    pub fn to_days(&self) -> Coded<i32> {
        let days = self.days()?;
        // The greatest and the least number are the infinities.
        i32::try_from(days)
            .ok()
            .filter(|days| *days != i32::MAX && *days != i32::MIN)
            .ok_or("the date is out of PostgreSQL's range")
    }

    /// Microseconds since the start of 2000.
    ///
    /// # Errors
    /// If there is no such moment, or `timestamp` cannot hold it.
    #[inline]
    pub fn to_micros(&self) -> Coded<i64> {
        let time = self.to_time()?;
        self.days()?
            .checked_mul(DAY)
            .and_then(|days| days.checked_add(time))
            .filter(|microseconds| *microseconds != i64::MAX && *microseconds != i64::MIN)
            .ok_or("the timestamp is out of PostgreSQL's range")
    }

    /// Microseconds since midnight of its time of day.
    ///
    /// # Errors
    /// If there is no such time.
    #[inline]
    pub fn to_time(&self) -> Coded<i64> {
        let Civil {
            hour,
            minute,
            second,
            microsecond,
            ..
        } = *self;
        if hour > 23 || minute > 59 || second > 59 || microsecond > 999_999 {
            return Err("there is no such time of day");
        }
        let seconds = (i64::from(hour) * 60 + i64::from(minute)) * 60 + i64::from(second);
        Ok(seconds * 1_000_000 + i64::from(microsecond))
    }

    /// Its date for people, as PostgreSQL writes it.
    pub fn date_text(&self) -> String {
        let Civil {
            year, month, day, ..
        } = *self;
        let (year, era) = if year > 0 {
            (year, "")
        } else {
            (1 - year, " BC")
        };
        format!("{year:04}-{month:02}-{day:02}{era}")
    }

    /// Its time of day for people, as PostgreSQL writes it.
    pub fn time_text(&self) -> String {
        let Civil {
            hour,
            minute,
            second,
            microsecond,
            ..
        } = *self;
        let text = format!("{hour:02}:{minute:02}:{second:02}.{microsecond:06}");
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }

    #[inline]
    fn days(&self) -> Coded<i64> {
        let Civil {
            year, month, day, ..
        } = *self;
        if day == 0 || day > days_in_month(year, month) {
            return Err("there is no such day");
        }
        let (year, month, day) = (i64::from(year), i64::from(month), i64::from(day));
        let year = if month <= 2 { year - 1 } else { year };
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let shifted = if month > 2 { month - 3 } else { month + 9 };
        let day_of_year = (153 * shifted + 2) / 5 + day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        Ok(era * ERA + day_of_era - EPOCH_FROM_MARCH_0)
    }
}

/// How many days a month has; none if there is no such month.
fn days_in_month(year: i32, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        _ => 0,
    }
}

/// Days in 400 years.
const ERA: i64 = 146_097;

/// Days from 0000-03-01 to 2000-01-01.
const EPOCH_FROM_MARCH_0: i64 = 730_425;

/// `2024-02-29 23:59:59.5`, with `BC` as PostgreSQL writes it.
impl fmt::Display for Civil {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let era = if self.year > 0 { "" } else { " BC" };
        write!(
            f,
            "{} {}{era}",
            self.date_text().trim_end_matches(" BC"),
            self.time_text()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_of_a_thousand_years_comes_back() {
        let first = Civil {
            year: -1,
            month: 1,
            day: 1,
            hour: 0,
            minute: 0,
            second: 0,
            microsecond: 0,
        };
        let mut previous = first;
        for days in first.to_days().unwrap() + 1..first.to_days().unwrap() + 366_000 {
            let civil = Civil::from_days(days);
            assert_eq!(civil.to_days(), Ok(days));
            assert!(civil > previous);
            previous = civil;
        }
    }

    #[test]
    fn the_ends_of_the_range_come_back() {
        for days in [i32::MIN + 1, -1, 0, i32::MAX - 1] {
            assert_eq!(Civil::from_days(days).to_days(), Ok(days));
        }
        let first = -211_813_488_000_000_000; // 4714-11-24 BC, PostgreSQL's first day
        for micros in [first, -DAY, -1, 0, 1, DAY - 1, i64::MAX - 1] {
            assert_eq!(Civil::from_micros(micros).to_micros(), Ok(micros));
        }
    }

    #[test]
    fn what_is_not_in_the_calendar_is_refused() {
        let good = Civil::from_micros(0);
        for bad in [
            Civil { month: 0, ..good },
            Civil { month: 13, ..good },
            Civil { day: 0, ..good },
            Civil {
                month: 2,
                day: 30,
                ..good
            },
            Civil {
                year: 1900,
                month: 2,
                day: 29,
                ..good
            },
            Civil { hour: 24, ..good },
            Civil { minute: 60, ..good },
            Civil { second: 60, ..good },
            Civil {
                microsecond: 1_000_000,
                ..good
            },
            Civil {
                year: 300_000,
                ..good
            },
        ] {
            assert!(bad.to_micros().is_err(), "{bad:?}");
        }
        assert!(
            Civil {
                year: i32::MAX,
                ..good
            }
            .to_days()
            .is_err()
        );
        assert!(decode_time(&(DAY + 1).to_be_bytes()).is_err());
    }
}
