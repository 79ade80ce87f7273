//! Owns the check of texts that become values: no text panics, and what is taken is a value.

use bytes::BytesMut;
use gino_core::codec::{Kind, Value, bits, network, numeric, uuid};

/// All of it is the text.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let mut out = BytesMut::new();
    if numeric::encode(text, &mut out).is_ok() {
        let value = Value::decode(Kind::Numeric, 1700, &out).expect("a number");
        let mut again = BytesMut::new();
        value
            .encode(Kind::Numeric, 1700, &mut again)
            .expect("the same number");
        assert_eq!(out, again, "{text}");
    }
    if let Ok(id) = uuid::parse(text) {
        assert_eq!(uuid::parse(&uuid::format(&id)), Ok(id));
    }
    if let Ok((len, bytes)) = bits::parse(text) {
        assert_eq!(bytes.len(), len.div_ceil(8));
    }
    if let Ok(mac) = network::parse_mac::<6>(text) {
        assert_eq!(network::parse_mac::<6>(&network::mac_text(mac)), Ok(mac));
    }
    if let Ok(mac) = network::parse_mac::<8>(text) {
        assert_eq!(network::parse_mac::<8>(&network::mac_text(mac)), Ok(mac));
    }
    if let Ok(inet) = text.parse::<gino_core::codec::Inet>() {
        assert_eq!(inet.to_string().parse(), Ok(inet));
    }
}
