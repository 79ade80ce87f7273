//! Owns the types of PostgreSQL's own bookkeeping: `tid`, `xid8`, `pg_lsn`, `pg_snapshot` and
//! `txid_snapshot` (PostgreSQL manual, "Object Identifier Types", "pg_lsn Type", "pg_snapshot").
//! Never interprets them. `oid`, `xid` and `cid` are numbers: see [`number`](super::number).
//!
//! Layouts: `tidsend`, `xid8send`, `pg_lsn_send`, `pg_snapshot_send`.

use std::fmt;
use std::str::FromStr;

use bytes::{BufMut, BytesMut};

use super::reader::{Reader, put_count};
use super::{Coded, Reason, WRONG_LENGTH};

/// A `tid`: where a row version lies in its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tid {
    /// The block, from 0.
    pub block: u32,
    /// The place in the block, from 1.
    pub offset: u16,
}

impl Tid {
    /// Reads `tid`.
    ///
    /// # Errors
    /// If it is not 6 bytes.
    pub fn decode(bytes: &[u8]) -> Coded<Tid> {
        let mut reader = Reader(bytes);
        let (block, offset) = (reader.u32()?, reader.u16()?);
        reader.end()?;
        Ok(Tid { block, offset })
    }

    /// Appends `tid`.
    pub fn encode(self, out: &mut BytesMut) {
        out.put_u32(self.block);
        out.put_u16(self.offset);
    }
}

/// As PostgreSQL writes it: `(0,1)`.
impl fmt::Display for Tid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({},{})", self.block, self.offset)
    }
}

/// Reads `xid8`.
///
/// # Errors
/// If it is not 8 bytes.
#[inline]
pub fn decode_xid8(bytes: &[u8]) -> Coded<u64> {
    bytes
        .try_into()
        .map(u64::from_be_bytes)
        .map_err(|_| WRONG_LENGTH)
}

/// Appends `xid8`.
#[inline]
pub fn encode_xid8(value: u64, out: &mut BytesMut) {
    out.put_u64(value);
}

/// A `pg_lsn`: a place in the write-ahead log, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lsn(pub u64);

impl Lsn {
    /// Reads `pg_lsn`.
    ///
    /// # Errors
    /// If it is not 8 bytes.
    pub fn decode(bytes: &[u8]) -> Coded<Lsn> {
        decode_xid8(bytes).map(Lsn)
    }

    /// Appends `pg_lsn`.
    pub fn encode(self, out: &mut BytesMut) {
        out.put_u64(self.0);
    }
}

/// As PostgreSQL writes it: two hexadecimal numbers, `16/B374D848`.
impl fmt::Display for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:X}/{:X}", self.0 >> 32, self.0 & 0xffff_ffff)
    }
}

impl FromStr for Lsn {
    type Err = Reason;

    fn from_str(text: &str) -> Coded<Lsn> {
        const REASON: Reason = "this is no place in the log: two hexadecimal numbers are expected";
        let number = |text: &str| match text.len() {
            1..=8 if text.bytes().all(|c| c.is_ascii_hexdigit()) => {
                u64::from_str_radix(text, 16).map_err(|_| REASON)
            }
            _ => Err(REASON),
        };
        let (high, low) = text.split_once('/').ok_or(REASON)?;
        Ok(Lsn(number(high)? << 32 | number(low)?))
    }
}

/// A `pg_snapshot` or `txid_snapshot` on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Snapshot<'a> {
    /// All transactions below it had ended.
    pub lowest: u64,
    /// This one and all above had not begun.
    pub next: u64,
    running: &'a [[u8; 8]],
}

impl<'a> Snapshot<'a> {
    /// Reads `pg_snapshot` or `txid_snapshot`.
    ///
    /// # Errors
    /// If the length is not what the header claims.
    pub fn decode(bytes: &'a [u8]) -> Coded<Snapshot<'a>> {
        let mut reader = Reader(bytes);
        let count = reader.i32()?;
        let (lowest, next) = (reader.u64()?, reader.u64()?);
        match reader.0.as_chunks() {
            (running, []) if usize::try_from(count) == Ok(running.len()) => Ok(Snapshot {
                lowest,
                next,
                running,
            }),
            _ => Err("the snapshot has another length than it claims"),
        }
    }

    /// Appends `pg_snapshot` or `txid_snapshot`.
    ///
    /// # Errors
    /// If there are too many transactions.
    pub fn encode(
        lowest: u64,
        next: u64,
        running: impl ExactSizeIterator<Item = u64>,
        out: &mut BytesMut,
    ) -> Coded {
        put_count(running.len(), out)?;
        out.put_u64(lowest);
        out.put_u64(next);
        running.for_each(|transaction| out.put_u64(transaction));
        Ok(())
    }

    /// The transactions between the two that were running; never more than an eighth of the bytes.
    pub fn running(&self) -> impl ExactSizeIterator<Item = u64> + Clone + use<'a> {
        self.running.iter().map(|bytes| u64::from_be_bytes(*bytes))
    }
}

/// As PostgreSQL writes it: `10:20:10,14`.
impl fmt::Display for Snapshot<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:", self.lowest, self.next)?;
        let mut separator = "";
        for transaction in self.running() {
            write!(f, "{separator}{transaction}")?;
            separator = ",";
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_come_back_from_bytes_and_text() {
        for (number, text) in [
            (0, "0/0"),
            (0x16_B374_D848, "16/B374D848"),
            (u64::MAX, "FFFFFFFF/FFFFFFFF"),
        ] {
            let mut out = BytesMut::new();
            Lsn(number).encode(&mut out);
            assert_eq!(Lsn::decode(&out), Ok(Lsn(number)));
            assert_eq!(Lsn(number).to_string(), text);
            assert_eq!(text.parse(), Ok(Lsn(number)));
        }
        for text in ["", "/", "1", "1/", "1/123456789", "+1/1", "g/1", "1/1/1"] {
            assert!(text.parse::<Lsn>().is_err(), "{text}");
        }
    }

    #[test]
    fn row_versions_and_transactions_come_back() {
        let tid = Tid {
            block: u32::MAX,
            offset: 7,
        };
        let mut out = BytesMut::new();
        tid.encode(&mut out);
        assert_eq!(Tid::decode(&out), Ok(tid));
        assert_eq!(tid.to_string(), "(4294967295,7)");
        assert!(Tid::decode(&out[1..]).is_err() && Tid::decode(&[0; 7]).is_err());
        let mut out = BytesMut::new();
        encode_xid8(u64::MAX, &mut out);
        assert_eq!(decode_xid8(&out), Ok(u64::MAX));
        assert!(decode_xid8(&out[1..]).is_err());
    }

    #[test]
    fn snapshots_come_back_and_a_claimed_size_is_not_believed() {
        for (running, text) in [(vec![], "10:20:"), (vec![10, 14], "10:20:10,14")] {
            let mut out = BytesMut::new();
            Snapshot::encode(10, 20, running.iter().copied(), &mut out).unwrap();
            let snapshot = Snapshot::decode(&out).unwrap();
            assert_eq!(snapshot.to_string(), text);
            assert!(snapshot.running().eq(running));
            for end in 0..out.len() {
                assert!(Snapshot::decode(&out[..end]).is_err());
            }
            out[0] = 0xff;
            assert!(Snapshot::decode(&out).is_err());
        }
    }
}
