//! COPY in and out: who may feed what when, what waits, and what becomes of a copy given up.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use super::play::{Play, config, done, is_pending, replay, replay_with};
use super::server::*;
use super::values::told;
use crate::session::{
    CopyDoor, CopyPipe, Feed, Reply, Request, Session, Sql, Status, Submitted, Wire,
};

fn is_open(door: &CopyDoor) -> bool {
    door.poll_open(&mut Context::from_waker(Waker::noop()))
        .is_ready()
}

fn copy_in(play: &Play, sql: &str) -> (Arc<CopyDoor>, Reply) {
    let door = Arc::new(CopyDoor::default());
    let request = Request::CopyIn { sql, door: &door };
    let reply = play.submit_to(request, None);
    (door, reply)
}

fn tag(reply: Reply) -> String {
    match done(reply) {
        Ok(done) => done.tag.into(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn data_goes_in_when_the_server_asks_and_others_wait() {
    replay(|play| {
        play.begin();
        let (door, mut reply) = copy_in(play, "COPY t FROM STDIN");
        assert_eq!(play.tags(), "Q");
        assert!(!is_open(&door) && play.link.is_held());
        play.server(&[copy(b'G')]);
        assert!(is_open(&door));
        play.link.feed(Feed::Data(b"1\n")).unwrap();
        play.link.feed(Feed::Data(b"2\n")).unwrap();
        let other = play
            .link
            .submit(Request::Script("SELECT 1"), &mut None)
            .unwrap();
        assert!(matches!(other, Submitted::Held));
        play.link.feed(Feed::Done).unwrap();
        let data = |text: &[u8]| (b'd', text.to_vec());
        let expected = [data(b"1\n"), data(b"2\n"), (b'c', Vec::new())];
        assert_eq!(play.sent(), expected);
        assert!(is_pending(&mut reply));
        play.server(&[complete("COPY 2"), ready(b'I')]);
        assert_eq!(tag(reply), "COPY 2");
        assert!(!play.link.is_held() && play.link.feed(Feed::Done).is_err());
        play.submit(Request::Script("SELECT 1"));
        assert_eq!(play.tags(), "Q");
    });
}

/// Looks at the session the moment it is woken, as a flow does that runs at once.
struct Looks {
    link: Arc<crate::pg::Link>,
    found_held: AtomicBool,
}

impl Wake for Looks {
    fn wake(self: Arc<Self>) {
        self.found_held.store(self.link.is_held(), Ordering::SeqCst);
    }
}

#[test]
fn whoever_a_lost_copy_wakes_finds_the_session_free() {
    let lost: [fn(&Play); 2] = [|play| play.link.lost(None), |play| play.link.close()];
    for lose in lost {
        for asked in [false, true] {
            let mut play = Play::new(config(&[]), super::play::Cut::Whole);
            play.begin();
            let (_door, reply) = copy_in(&play, "COPY t FROM STDIN");
            if asked {
                play.server(&[copy(b'G')]);
            }
            let looks = Arc::new(Looks {
                link: Arc::clone(&play.link),
                found_held: AtomicBool::new(false),
            });
            let waker = Waker::from(Arc::clone(&looks));
            let mut reply = pin!(reply);
            assert!(
                reply
                    .as_mut()
                    .poll(&mut Context::from_waker(&waker))
                    .is_pending()
            );
            lose(&play);
            assert!(!looks.found_held.load(Ordering::SeqCst));
            assert!(reply.poll(&mut Context::from_waker(&waker)).is_ready());
        }
    }
}

#[test]
fn servers_error_ends_the_copy_and_frees_the_session() {
    for asked in [false, true] {
        replay(|play| {
            play.begin();
            let (_door, reply) = copy_in(play, "COPY t FROM STDIN");
            if asked {
                play.server(&[copy(b'G')]);
                play.link.feed(Feed::Data(b"rubbish")).unwrap();
            }
            play.server(&[error("22P04", "missing data"), ready(b'E')]);
            assert_eq!(tag(reply), "missing data");
            assert!(play.link.feed(Feed::Data(b"more")).is_err());
            assert_eq!(play.link.status(), Status::Failed);
            assert!(!play.link.is_held());
        });
    }
}

#[test]
fn copy_given_up_before_the_server_asks_is_failed_when_it_does() {
    for closed in [false, true] {
        replay(|play| {
            play.begin();
            let (door, reply) = copy_in(play, "COPY t FROM STDIN");
            play.raw();
            let kept = if closed {
                assert!(!door.close());
                Some(reply)
            } else {
                drop(reply);
                None
            };
            play.server(&[copy(b'G')]);
            assert_eq!(play.tags(), "f");
            play.server(&[error("57014", "COPY from stdin failed"), ready(b'I')]);
            assert_eq!(play.link.in_flight(), 0);
            assert!(!play.link.is_held());
            assert!(kept.is_none_or(|reply| tag(reply) == "COPY from stdin failed"));
        });
    }
}

#[test]
fn statement_that_is_no_copy_ends_as_a_script_does() {
    replay(|play| {
        play.begin();
        let (door, reply) = copy_in(play, "UPDATE t; SELECT 1");
        play.server(&[
            complete("UPDATE 1"),
            columns(&[("a", INT4)]),
            row(&[Some(b"1")]),
            complete("SELECT 1"),
            ready(b'I'),
        ]);
        assert_eq!(tag(reply), "SELECT 1");
        assert!(!is_open(&door) && !play.link.is_held());
    });
}

#[test]
fn second_copy_of_a_script_gets_no_data() {
    replay(|play| {
        play.begin();
        let (door, reply) = copy_in(play, "COPY t FROM STDIN; COPY u FROM STDIN");
        play.server(&[copy(b'G')]);
        assert!(door.close());
        play.link.feed(Feed::Done).unwrap();
        play.raw();
        play.server(&[complete("COPY 0"), copy(b'G')]);
        assert_eq!(play.tags(), "f");
        play.server(&[error("57014", "COPY from stdin failed"), ready(b'I')]);
        assert_eq!(tag(reply), "COPY from stdin failed");
    });
}

#[test]
fn door_is_shut_while_too_much_is_on_its_way() {
    replay(|play| {
        play.begin();
        let (door, reply) = copy_in(play, "COPY t FROM STDIN");
        play.server(&[copy(b'G')]);
        let mut fed = 0;
        while is_open(&door) {
            play.link.feed(Feed::Data(&[7; 10_000])).unwrap();
            fed += 10_000;
            assert!(fed < 1_000_000, "no bound");
        }
        assert_eq!(play.raw().len() / 10_000, fed / 10_000);
        play.socket.backlog.store(fed, Ordering::Relaxed);
        play.link.drained();
        assert!(!is_open(&door));
        play.socket.backlog.store(0, Ordering::Relaxed);
        play.link.drained();
        assert!(is_open(&door));
        play.link.close();
        assert_eq!(tag(reply), "the connection is closed");
        assert!(play.link.feed(Feed::Data(b"1")).is_err() && !play.link.is_held());
    });
}

#[test]
fn statement_that_leaves_the_cache_is_closed_after_the_copy() {
    replay_with(&config(&[("statement_cache_size", "1")]), |play| {
        play.begin();
        let prepare = |play: &Play, sql| play.submit(Request::Prepare(&Sql::new(sql)));
        let first = prepare(play, "SELECT 1");
        let second = prepare(play, "SELECT 2");
        let (_door, reply) = copy_in(play, "COPY t FROM STDIN");
        let prepared = [
            parse_complete(),
            parameter_types(&[]),
            no_data(),
            ready(b'I'),
        ];
        play.server(&prepared);
        drop(done(first).unwrap());
        play.raw();
        play.server(&prepared);
        drop(done(second).unwrap());
        play.server(&[copy(b'G')]);
        play.link.feed(Feed::Done).unwrap();
        assert_eq!(play.tags(), "c");
        play.server(&[complete("COPY 0"), ready(b'I')]);
        assert_eq!(tag(reply), "COPY 0");
        assert_eq!(play.tags(), "CS");
        play.server(&[close_complete(), ready(b'I')]);
        assert_eq!(play.link.status(), Status::Idle);
    });
}

fn take(pipe: &CopyPipe) -> Option<Vec<u8>> {
    match pipe.poll_take(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(data) => Some(data.to_vec()),
        Poll::Pending => None,
    }
}

#[test]
fn data_comes_out_in_order_and_before_the_end() {
    replay(|play| {
        play.begin();
        let (pipe, sink) = CopyPipe::new();
        let reply = play.submit_to(Request::Script("COPY t TO STDOUT"), Some(sink));
        play.server(&[copy(b'H'), message(b'd', b"1\n"), message(b'd', b"2\n")]);
        assert_eq!(take(&pipe).unwrap(), b"1\n2\n");
        assert_eq!(take(&pipe), None);
        play.server(&[
            message(b'd', b"3\n"),
            message(b'c', &[]),
            complete("COPY 3"),
            ready(b'I'),
        ]);
        assert_eq!(tag(reply), "COPY 3");
        assert_eq!(take(&pipe).unwrap(), b"3\n");
        assert_eq!(play.socket.pauses(), (0, 0));
    });
}

#[test]
fn reading_pauses_while_nobody_takes_what_came_out() {
    let mut play = Play::new(config(&[]), super::play::Cut::Whole);
    play.begin();
    let (pipe, sink) = CopyPipe::new();
    let reply = play.submit_to(Request::Script("COPY t TO STDOUT"), Some(sink));
    play.server(&[copy(b'H')]);
    let mut sent = 0;
    while play.socket.pauses().0 == 0 {
        play.server(&[message(b'd', &[7; 10_000])]);
        sent += 10_000;
        assert!(sent < 1_000_000, "no bound");
    }
    assert_eq!(take(&pipe).unwrap().len(), sent);
    assert!(pipe.take_pause() && !pipe.take_pause());
    play.link.resume();
    assert_eq!(play.socket.pauses(), (1, 1));
    play.server(&[message(b'c', &[]), complete("COPY 30"), ready(b'I')]);
    assert_eq!(tag(reply), "COPY 30");
}

#[test]
fn copy_out_to_an_ordinary_sink_stays_refused() {
    replay(|play| {
        play.begin();
        let reply = play.submit(Request::Script("COPY t TO STDOUT"));
        play.server(&[copy(b'H'), message(b'd', b"1"), message(b'c', &[])]);
        play.server(&[complete("COPY 1"), ready(b'I')]);
        assert!(told(reply).starts_with("Usage: COPY TO STDOUT"));
    });
}
