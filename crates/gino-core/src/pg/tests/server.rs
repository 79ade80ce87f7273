//! Owns the messages of a server as bytes (PostgreSQL manual, "Message Formats"). Never reads any.
//! The transcripts here and the scripted server of `engine`'s tests are made of them.

pub(crate) fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    out.extend(u32::try_from(body.len() + 4).unwrap().to_be_bytes());
    out.extend(body);
    out
}

/// A message whose length word says `claimed`, whatever its body is.
pub(crate) fn claiming(tag: u8, claimed: u32, body: &[u8]) -> Vec<u8> {
    let mut out = message(tag, body);
    out[1..5].copy_from_slice(&claimed.to_be_bytes());
    out
}

fn short(count: usize) -> [u8; 2] {
    u16::try_from(count).unwrap().to_be_bytes()
}

pub(crate) fn authentication(code: u32, rest: &[u8]) -> Vec<u8> {
    message(b'R', &[&code.to_be_bytes(), rest].concat())
}

pub(crate) fn auth_ok() -> Vec<u8> {
    authentication(0, &[])
}

pub(crate) fn parameter(name: &str, value: &str) -> Vec<u8> {
    message(b'S', format!("{name}\0{value}\0").as_bytes())
}

pub(crate) fn backend_key(process: u32, secret: u32) -> Vec<u8> {
    message(
        b'K',
        &[process.to_be_bytes(), secret.to_be_bytes()].concat(),
    )
}

/// NegotiateProtocolVersion without options.
pub(crate) fn negotiate(newest: u32) -> Vec<u8> {
    message(b'v', &[newest.to_be_bytes(), [0; 4]].concat())
}

pub(crate) fn ready(status: u8) -> Vec<u8> {
    message(b'Z', &[status])
}

pub(crate) fn parse_complete() -> Vec<u8> {
    message(b'1', &[])
}

pub(crate) fn bind_complete() -> Vec<u8> {
    message(b'2', &[])
}

pub(crate) fn close_complete() -> Vec<u8> {
    message(b'3', &[])
}

pub(crate) fn no_data() -> Vec<u8> {
    message(b'n', &[])
}

pub(crate) fn suspended() -> Vec<u8> {
    message(b's', &[])
}

pub(crate) fn empty_query() -> Vec<u8> {
    message(b'I', &[])
}

pub(crate) fn parameter_types(oids: &[u32]) -> Vec<u8> {
    let types = oids.iter().flat_map(|oid| oid.to_be_bytes());
    message(
        b't',
        &short(oids.len())
            .into_iter()
            .chain(types)
            .collect::<Vec<_>>(),
    )
}

pub(crate) fn columns(columns: &[(&str, u32)]) -> Vec<u8> {
    let mut body = short(columns.len()).to_vec();
    for (name, oid) in columns {
        body.extend(name.as_bytes());
        body.extend([0; 7]);
        body.extend(oid.to_be_bytes());
        body.extend([0, 4, 0xff, 0xff, 0xff, 0xff, 0, 0]);
    }
    message(b'T', &body)
}

pub(crate) fn row(values: &[Option<&[u8]>]) -> Vec<u8> {
    let mut body = short(values.len()).to_vec();
    for value in values {
        match value {
            None => body.extend([0xff; 4]),
            Some(value) => {
                body.extend(u32::try_from(value.len()).unwrap().to_be_bytes());
                body.extend(*value);
            }
        }
    }
    message(b'D', &body)
}

/// A row of one integer.
pub(crate) fn int_row(value: i32) -> Vec<u8> {
    row(&[Some(&value.to_be_bytes())])
}

pub(crate) fn complete(tag: &str) -> Vec<u8> {
    message(b'C', format!("{tag}\0").as_bytes())
}

fn fields(tag: u8, severity: &str, sqlstate: &str, text: &str) -> Vec<u8> {
    let body = format!("S{severity}\0V{severity}\0C{sqlstate}\0M{text}\0\0");
    message(tag, body.as_bytes())
}

pub(crate) fn error(sqlstate: &str, text: &str) -> Vec<u8> {
    fields(b'E', "ERROR", sqlstate, text)
}

pub(crate) fn fatal(sqlstate: &str, text: &str) -> Vec<u8> {
    fields(b'E', "FATAL", sqlstate, text)
}

pub(crate) fn notice(text: &str) -> Vec<u8> {
    fields(b'N', "NOTICE", "00000", text)
}

pub(crate) fn notification(channel: &str, payload: &str) -> Vec<u8> {
    message(b'A', format!("\0\0\0\x07{channel}\0{payload}\0").as_bytes())
}

/// CopyInResponse, CopyOutResponse: text format, no columns.
pub(crate) fn copy(tag: u8) -> Vec<u8> {
    message(tag, &[0, 0, 0])
}

pub(crate) const INT4: u32 = 23;
pub(crate) const TEXT: u32 = 25;
