//! Streams that nobody wrote: seeded noise and valid transcripts with mutations. Never a panic, never
//! a hang, never memory that did not arrive; when it is over, everything in flight is answered.

use super::play::{Cut, Play, config, done, is_pending};
use super::server::*;
use crate::session::{NoParams, Reply, Request, Session, Sql, Status};

/// xorshift64*: enough chance for a test, the same on every machine.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Chance {
        Chance(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(number).unwrap() % bound
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).unwrap()
    }
}

/// A connection with a request of every kind in flight.
fn busy() -> (Play, Vec<Reply>) {
    let mut play = Play::new(config(&[("statement_cache_size", "1")]), Cut::Whole);
    play.begin();
    let statement = &play.prepare("SELECT $1", &[], &[("n", INT4), ("t", TEXT)]);
    let params = &NoParams;
    let (portal, max_rows) = ("p", 2);
    let replies = vec![
        play.submit(Request::Prepare(&Sql::new("SELECT 2"))),
        play.run(statement, &[&[], &[]]),
        play.submit(Request::Script("SELECT 1; SELECT 2")),
        play.submit(Request::Open {
            portal,
            statement,
            params,
            max_rows,
        }),
        play.submit(Request::Fetch {
            portal,
            statement,
            max_rows,
        }),
        play.submit(Request::Close { portal }),
    ];
    (play, replies)
}

fn transcript() -> Vec<Vec<u8>> {
    let two = || row(&[Some(b"1234"), Some(b"text")]);
    vec![
        parse_complete(),
        parameter_types(&[INT4]),
        columns(&[("n", INT4)]),
        ready(b'I'),
        bind_complete(),
        two(),
        complete("SELECT 1"),
        bind_complete(),
        two(),
        complete("SELECT 1"),
        ready(b'I'),
        notice("by the way"),
        columns(&[("n", INT4)]),
        row(&[None]),
        complete("SELECT 1"),
        error("42601", "syntax error"),
        ready(b'T'),
        bind_complete(),
        two(),
        suspended(),
        ready(b'T'),
        two(),
        parameter("a", "b"),
        complete("SELECT 1"),
        ready(b'T'),
        close_complete(),
        ready(b'I'),
    ]
}

/// Feeds `bytes` in reads of random size, then ends the stream: everything must be answered.
fn survive(bytes: &[u8], chance: &mut Chance) {
    let (mut play, replies) = busy();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (read, more) = rest.split_at((1 + chance.below(64)).min(rest.len()));
        play.deliver(read);
        rest = more;
    }
    if !play.broken {
        play.eof();
    }
    assert_eq!(
        (play.link.status(), play.link.in_flight()),
        (Status::Closed, 0)
    );
    for reply in replies {
        let _ = done(reply);
    }
    assert!(play.raw().len() < 1000 + 20 * bytes.len());
}

#[test]
fn transcript_without_mutation_answers_everything() {
    let (mut play, mut replies) = busy();
    play.deliver(&transcript().concat());
    assert!(!play.broken);
    assert!(replies.iter_mut().all(|reply| !is_pending(reply)));
    assert_eq!(
        (play.link.status(), play.link.in_flight()),
        (Status::Idle, 0)
    );
}

#[test]
fn noise_is_survived() {
    for seed in 0..300 {
        let chance = &mut Chance::new(seed);
        let length = chance.below(400);
        let bytes: Vec<u8> = (0..length).map(|_| chance.byte()).collect();
        survive(&bytes, chance);
    }
}

#[test]
fn noise_in_well_framed_messages_is_survived() {
    let tags = b"123ACDEGHIKNRSTZcdnst";
    for seed in 0..500 {
        let chance = &mut Chance::new(seed);
        let messages = (0..1 + chance.below(12)).map(|_| {
            let length = chance.below(40);
            let body: Vec<u8> = (0..length).map(|_| chance.byte()).collect();
            message(tags[chance.below(tags.len())], &body)
        });
        let bytes: Vec<Vec<u8>> = messages.collect();
        survive(&bytes.concat(), chance);
    }
}

#[test]
fn mutated_transcripts_are_survived() {
    for seed in 0..1500 {
        let chance = &mut Chance::new(seed);
        let mut messages = transcript();
        let at = chance.below(messages.len());
        match chance.below(6) {
            0 => drop(messages.remove(at)),
            1 => messages.insert(at, messages[at].clone()),
            2 => {
                let other = chance.below(messages.len());
                messages.swap(at, other);
            }
            3 => messages.truncate(at),
            4 => {
                let noise = (0..9).map(|_| chance.byte()).collect();
                messages.insert(at, noise);
            }
            _ => {
                let message = &mut messages[at];
                let byte = chance.below(message.len());
                message[byte] = chance.byte();
            }
        }
        let mut bytes = messages.concat();
        if chance.below(3) == 0 && !bytes.is_empty() {
            let byte = chance.below(bytes.len());
            bytes[byte] ^= 1 << chance.below(8);
        }
        survive(&bytes, chance);
    }
}

#[test]
fn noise_during_start_up_is_survived() {
    for seed in 0..500 {
        let chance = &mut Chance::new(seed);
        let mut messages = vec![
            authentication(10, b"SCRAM-SHA-256\0\0"),
            authentication(11, b"r=abc,s=c2FsdA==,i=1"),
            authentication(12, b"v=AAAA"),
            auth_ok(),
            parameter("a", "b"),
            backend_key(1, 2),
            ready(b'I'),
        ];
        let from = chance.below(4);
        messages.drain(..from);
        for _ in 0..chance.below(3) {
            let at = chance.below(messages.len());
            let byte = chance.below(messages[at].len());
            messages[at][byte] = chance.byte();
        }
        let mut play = Play::new(config(&[]), Cut::Whole);
        let reply = play.start();
        play.deliver(&messages.concat());
        if !play.broken && !play.socket.is_closed() {
            play.eof();
        }
        let _ = done(reply);
    }
}
