//! Owns the server's side of SCRAM-SHA-256 (RFC 5802, RFC 7677), with one iteration: the client's
//! arithmetic is checked, not its patience. `startup` plays against it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

pub(super) struct Server {
    password: String,
    client_first: String,
    server_first: String,
}

impl Server {
    pub(super) fn new(password: &str) -> Server {
        Server {
            password: password.to_owned(),
            client_first: String::new(),
            server_first: String::new(),
        }
    }

    /// The challenge to a SASLInitialResponse.
    pub(super) fn challenge(&mut self, initial: &[u8], iterations: u32) -> Vec<u8> {
        let rest = initial.strip_prefix(b"SCRAM-SHA-256\0").unwrap();
        let first = std::str::from_utf8(&rest[4..]).unwrap();
        let bare = first.strip_prefix("n,,").unwrap();
        let nonce = bare.split_once("r=").unwrap().1;
        let salt = STANDARD.encode(SALT);
        self.client_first = bare.to_owned();
        self.server_first = format!("r={nonce}server,s={salt},i={iterations}");
        self.server_first.clone().into_bytes()
    }

    /// The proof of the server, if the client's SASLResponse proves its own.
    pub(super) fn verify(&self, response: &[u8]) -> Option<Vec<u8>> {
        let last = std::str::from_utf8(response).unwrap();
        let (bare, proof) = last.rsplit_once(",p=").unwrap();
        assert!(bare.starts_with("c=biws,r="));
        let exchange = format!("{},{},{bare}", self.client_first, self.server_first);
        let salted = sign(self.password.as_bytes(), &[SALT, &[0, 0, 0, 1]].concat());
        let stored = Sha256::digest(sign(&salted, b"Client Key"));
        let mask = sign(&stored, exchange.as_bytes());
        let proof = STANDARD.decode(proof).unwrap();
        let key: Vec<u8> = proof.iter().zip(mask).map(|(a, b)| a ^ b).collect();
        let signature = sign(&sign(&salted, b"Server Key"), exchange.as_bytes());
        (Sha256::digest(key) == stored)
            .then(|| format!("v={}", STANDARD.encode(signature)).into_bytes())
    }
}

fn sign(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

const SALT: &[u8] = b"sixteen bytes ..";
