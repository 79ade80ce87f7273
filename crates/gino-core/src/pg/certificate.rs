//! Owns which hash of a server's certificate SCRAM is bound to (RFC 5929, section 4.1): the one that
//! the certificate was signed with, SHA-256 in place of what is broken. Never hashes and never
//! verifies; the faces do both, and ask here.

/// A hash function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Digest {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

/// The hash for `tls-server-end-point` of a certificate in DER; none if its signature has none that
/// RFC 5929 could mean (Ed25519), or if it is no certificate.
pub fn end_point_digest(certificate: &[u8]) -> Option<Digest> {
    let (whole, _) = element(certificate, SEQUENCE)?;
    let (_to_be_signed, rest) = element(whole, SEQUENCE)?;
    let (algorithm, _) = element(rest, SEQUENCE)?;
    let (name, parameters) = element(algorithm, OBJECT)?;
    let digest = |hash: u8| match hash {
        // MD5 and SHA-1, by which nothing may be bound.
        1 | 4 | 5 | 11 => Some(Digest::Sha256),
        12 => Some(Digest::Sha384),
        13 => Some(Digest::Sha512),
        _ => None,
    };
    match name {
        // RFC 8017: sha*WithRSAEncryption are 1.2.840.113549.1.1.n.
        [.., 1, 1, 10] if name.starts_with(PKCS) => pss(parameters),
        [.., 1, 1, hash] if name.starts_with(PKCS) => digest(*hash),
        // RFC 5758: ecdsa-with-SHA* are 1.2.840.10045.4.3.n, with SHA-1 1.2.840.10045.4.1.
        [.., 4, 1] if name.starts_with(ANSI) => Some(Digest::Sha256),
        [.., 4, 3, hash] if name.starts_with(ANSI) => sha2(*hash, 2),
        _ => None,
    }
}

/// The hash among the parameters of RSASSA-PSS; SHA-1 if none is named.
fn pss(parameters: &[u8]) -> Option<Digest> {
    let (parameters, _) = element(parameters, SEQUENCE)?;
    let Some((algorithm, _)) = element(parameters, FIRST) else {
        return Some(Digest::Sha256);
    };
    let (algorithm, _) = element(algorithm, SEQUENCE)?;
    let (name, _) = element(algorithm, OBJECT)?;
    match name {
        [.., 4, 2, hash] if name.starts_with(NIST) => sha2(*hash, 1),
        SHA1 => Some(Digest::Sha256),
        _ => None,
    }
}

/// SHA-256, SHA-384 and SHA-512 have numbers in a row.
fn sha2(number: u8, first: u8) -> Option<Digest> {
    match number.checked_sub(first)? {
        0 => Some(Digest::Sha256),
        1 => Some(Digest::Sha384),
        2 => Some(Digest::Sha512),
        _ => None,
    }
}

/// The contents of the first element of `der`, if it has this tag, and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&[found, first], rest) = der.split_first_chunk::<2>()?;
    let (length, rest) = match usize::from(first) {
        short @ 0..0x80 => (short, rest),
        long => {
            let (bytes, rest) = rest.split_at_checked(long - 0x80)?;
            let length = bytes.iter().try_fold(0_usize, |length, byte| {
                length.checked_mul(256)?.checked_add(usize::from(*byte))
            })?;
            (length, rest)
        }
    };
    (found == tag).then(|| rest.split_at_checked(length))?
}

const SEQUENCE: u8 = 0x30;
const OBJECT: u8 = 0x06;
/// `[0]`, constructed.
const FIRST: u8 = 0xa0;
/// 1.2.840.113549.
const PKCS: &[u8] = &[42, 134, 72, 134, 247, 13];
/// 1.2.840.10045.
const ANSI: &[u8] = &[42, 134, 72, 206, 61];
/// 2.16.840.1.101.3.
const NIST: &[u8] = &[96, 134, 72, 1, 101, 3];
/// 1.3.14.3.2.26.
const SHA1: &[u8] = &[43, 14, 3, 2, 26];

#[cfg(test)]
mod tests {
    use super::*;

    fn der(tag: u8, contents: &[u8]) -> Vec<u8> {
        let mut out = vec![tag];
        match u8::try_from(contents.len()) {
            Ok(short @ 0..0x80) => out.push(short),
            Ok(long) => out.extend([0x81, long]),
            Err(_) => {
                out.push(0x82);
                out.extend(u16::try_from(contents.len()).unwrap().to_be_bytes());
            }
        }
        out.extend(contents);
        out
    }

    fn certificate(name: &[u8], parameters: &[u8], size: usize) -> Vec<u8> {
        let algorithm = der(SEQUENCE, &[der(OBJECT, name), parameters.to_vec()].concat());
        let signed = der(SEQUENCE, &vec![7; size]);
        der(SEQUENCE, &[signed, algorithm, der(3, &[0; 65])].concat())
    }

    fn rsa(hash: u8) -> Vec<u8> {
        [PKCS, &[1, 1, hash]].concat()
    }

    fn ecdsa(rest: &[u8]) -> Vec<u8> {
        [ANSI, &[4], rest].concat()
    }

    #[test]
    fn certificate_is_hashed_as_it_was_signed() {
        for (name, expected) in [
            (rsa(4), Some(Digest::Sha256)),
            (rsa(5), Some(Digest::Sha256)),
            (rsa(11), Some(Digest::Sha256)),
            (rsa(12), Some(Digest::Sha384)),
            (rsa(13), Some(Digest::Sha512)),
            (rsa(14), None),
            (ecdsa(&[1]), Some(Digest::Sha256)),
            (ecdsa(&[3, 2]), Some(Digest::Sha256)),
            (ecdsa(&[3, 3]), Some(Digest::Sha384)),
            (ecdsa(&[3, 4]), Some(Digest::Sha512)),
            // Ed25519, 1.3.101.112.
            (vec![43, 101, 112], None),
        ] {
            for size in [10, 200, 700] {
                let made = certificate(&name, &[5, 0], size);
                assert_eq!(end_point_digest(&made), expected, "{name:?}");
            }
        }
    }

    #[test]
    fn rsa_pss_says_its_hash_in_its_parameters() {
        let with = |hash: &[u8]| {
            let algorithm = der(SEQUENCE, &der(OBJECT, hash));
            certificate(&rsa(10), &der(SEQUENCE, &der(FIRST, &algorithm)), 9)
        };
        let sha384 = [NIST, &[4, 2, 2]].concat();
        assert_eq!(end_point_digest(&with(&sha384)), Some(Digest::Sha384));
        assert_eq!(end_point_digest(&with(SHA1)), Some(Digest::Sha256));
        let default = certificate(&rsa(10), &der(SEQUENCE, &[]), 9);
        assert_eq!(end_point_digest(&default), Some(Digest::Sha256));
    }

    #[test]
    fn what_is_cut_short_is_no_certificate() {
        let whole = certificate(&rsa(11), &[5, 0], 300);
        for cut in 0..whole.len() {
            assert_eq!(end_point_digest(&whole[..cut]), None);
        }
        assert_eq!(end_point_digest(&[0x30, 0xff, 1]), None);
        assert_eq!(end_point_digest(&[0x30, 0x89, 255, 255, 255, 255]), None);
    }
}
