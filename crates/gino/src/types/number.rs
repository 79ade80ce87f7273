//! Owns the Rust types for `money`, `xid8` and hardware addresses. Never converts currencies.

use std::fmt;
use std::str::FromStr;

use gino_core::codec::{network, number, system};
use postgres_types::Type;

use super::sql;

/// A `money`: the amount in the smallest unit of the currency that the server's `lc_monetary` names,
/// cents for most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Money(pub i64);

impl Money {
    /// From the server's text, in which every digit of the smallest unit is written out, whatever the
    /// symbols around and between them. Bytes, since not every locale's symbols are UTF-8.
    fn parse(text: &[u8]) -> Result<Money, &'static str> {
        const REASON: &str = "this is no amount of money";
        let digits = || text.iter().filter(|byte| byte.is_ascii_digit());
        // A negative amount has a minus or, in some locales, is in parentheses.
        let is_negative = text.contains(&b'-') || text.contains(&b'(');
        let sign = if is_negative { -1 } else { 1 };
        digits().next().ok_or(REASON)?;
        digits()
            .try_fold(0_i64, |amount, digit| {
                let digit = sign * i64::from(*digit - b'0');
                amount.checked_mul(10)?.checked_add(digit)
            })
            .map(Money)
            .ok_or(REASON)
    }
}

/// An `xid8`: a transaction's number that never wraps around.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Xid8(pub u64);

macro_rules! mac {
    ($($name:ident $sql:ident $type:literal $length:literal,)*) => {$(
        #[doc = concat!("A `", $type, "`: a hardware address of ", stringify!($length), " bytes.")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub [u8; $length]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&network::mac_text(self.0))
            }
        }

        /// From pairs of hexadecimal digits with `:`, `-`, `.` or nothing between them.
        impl FromStr for $name {
            type Err = &'static str;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                network::parse_mac(text).map($name)
            }
        }

        sql! {
            $name: |ty| *ty == Type::$sql;
            raw => $name(network::decode_mac(raw)?);
            value, out => network::encode_mac(value.0, out);
        }
    )*};
}

mac! {
    MacAddr MACADDR "macaddr" 6,
    MacAddr8 MACADDR8 "macaddr8" 8,
}

sql! {
    Money: |ty| *ty == Type::MONEY;
    raw => Money::parse(raw)?;
    value, out => number::encode_int8(value.0, out);
}

sql! {
    Xid8: |ty| *ty == Type::XID8;
    raw => Xid8(system::decode_xid8(raw)?);
    value, out => system::encode_xid8(value.0, out);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_read_in_the_text_of_any_locale() {
        for (text, amount) in [
            ("$1.00", 100),
            ("-$92,233,720,368,547,758.08", i64::MIN),
            ("$92,233,720,368,547,758.07", i64::MAX),
            ("1.234,56 €", 123_456),
            ("($3.50)", -350),
            ("￥120", 120),
        ] {
            assert_eq!(Money::parse(text.as_bytes()), Ok(Money(amount)), "{text}");
        }
        assert!(Money::parse(b"$").is_err() && Money::parse(b"92233720368547758.08").is_err());
    }

    #[test]
    fn hardware_addresses_are_texts_too() {
        let address: MacAddr = "08-00-2B-01-02-03".parse().unwrap();
        assert_eq!(address.to_string(), "08:00:2b:01:02:03");
        assert!("08:00".parse::<MacAddr8>().is_err());
    }
}
