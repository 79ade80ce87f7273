//! Owns the server's side of SCRAM-SHA-256 (RFC 5802, RFC 7677), with one iteration: the client's
//! arithmetic is checked, not its patience. `startup` plays against it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

pub(super) struct Server {
    password: String,
    /// What the client's SASLInitialResponse begins with: mechanism and GS2 header.
    begins: (&'static str, &'static str),
    /// What the client's `c=` has to say, before base64.
    binding: Vec<u8>,
    client_first: String,
    server_first: String,
}

impl Server {
    /// A server on a connection that is not encrypted.
    pub(super) fn new(password: &str) -> Server {
        Server::with(password, ("SCRAM-SHA-256", "n,,"), b"")
    }

    /// A server that takes `begins` only, and is the one whose certificate has this hash.
    pub(super) fn with(
        password: &str,
        begins: (&'static str, &'static str),
        hash: &[u8],
    ) -> Server {
        Server {
            password: password.to_owned(),
            binding: [begins.1.as_bytes(), hash].concat(),
            begins,
            client_first: String::new(),
            server_first: String::new(),
        }
    }

    /// The challenge to a SASLInitialResponse.
    pub(super) fn challenge(&mut self, initial: &[u8], iterations: u32) -> Vec<u8> {
        let (mechanism, header) = self.begins;
        let rest = initial.strip_prefix(mechanism.as_bytes()).unwrap();
        let first = std::str::from_utf8(&rest[5..]).unwrap();
        let bare = first.strip_prefix(header).unwrap();
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
        let binding = STANDARD.encode(&self.binding);
        if !bare.starts_with(&format!("c={binding},r=")) {
            return None;
        }
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
