//! What the server says without being asked: who hears it, when, and until when.

use std::sync::{Arc, Mutex};

use super::play::{Play, done, is_pending, replay};
use super::server::*;
use crate::pg::Link;
use crate::session::{Event, Outlet, Request, Session, Silence, Status};

/// Writes down what it hears, each line with how many requests are in flight.
struct Ear {
    link: Arc<Link>,
    heard: Mutex<Vec<String>>,
}

impl Ear {
    fn on(play: &Play) -> Arc<Ear> {
        let ear = Arc::new(Ear {
            link: Arc::clone(&play.link),
            heard: Mutex::default(),
        });
        let outlet = Arc::clone(&ear) as Arc<dyn Outlet>;
        assert!(play.link.listen(Some(outlet)).is_none());
        ear
    }

    fn note(&self, line: String) {
        // No lock is held while it is told: the session may be used.
        let line = format!("{}|{line}", self.link.in_flight());
        self.heard.lock().unwrap().push(line);
    }

    fn heard(&self) -> Vec<String> {
        std::mem::take(&mut self.heard.lock().unwrap())
    }
}

impl Outlet for Ear {
    fn hear(&self, event: Event) {
        self.note(match event {
            Event::Notification {
                process,
                channel,
                payload,
            } => format!("{process} {channel} {payload}"),
            Event::Notice(notice) => format!("{} {}", notice.sqlstate(), notice.message()),
            Event::Parameter { name, value } => format!("{name}={value}"),
        });
    }

    fn end(&self, silence: Silence) {
        self.note(format!("{silence:?}"));
    }
}

#[test]
fn events_are_heard_in_the_servers_order_before_the_request_ends() {
    replay(|play| {
        play.begin();
        let ear = Ear::on(play);
        let mut reply = play.submit(Request::Script("SELECT 1"));
        play.server(&[
            notice("careful"),
            columns(&[("a", INT4)]),
            notification("jobs", "1"),
            row(&[Some(b"1")]),
            parameter("TimeZone", "UTC"),
            complete("SELECT 1"),
            notification("jobs", ""),
        ]);
        assert!(is_pending(&mut reply));
        play.server(&[ready(b'I')]);
        done(reply).unwrap();
        let expected = [
            "1|00000 careful",
            "1|7 jobs 1",
            "1|TimeZone=UTC",
            "1|7 jobs ",
        ];
        assert_eq!(ear.heard(), expected);
        assert_eq!(play.link.parameter("TimeZone").as_deref(), Some("UTC"));
    });
}

#[test]
fn idle_connection_hears_too() {
    replay(|play| {
        play.begin();
        let ear = Ear::on(play);
        play.server(&[notification("a", "b"), notification("c", "d")]);
        assert_eq!(ear.heard(), ["0|7 a b", "0|7 c d"]);
        assert_eq!(play.link.status(), Status::Idle);
    });
}

#[test]
fn outlet_that_was_replaced_hears_nothing_more() {
    replay(|play| {
        play.begin();
        let first = Ear::on(play);
        assert!(play.link.listen(None).is_some());
        play.server(&[notification("a", "b"), notice("nobody cares")]);
        let second = Ear::on(play);
        play.server(&[notification("c", "d")]);
        assert_eq!(first.heard(), [""; 0]);
        assert_eq!(second.heard(), ["0|7 c d"]);
    });
}

/// Asks for something as soon as it hears anything.
struct Caller(Arc<Link>);

impl Outlet for Caller {
    fn hear(&self, _event: Event) {
        assert!(
            self.0
                .submit(Request::Script("SELECT 1"), &mut None)
                .is_ok()
        );
    }

    fn end(&self, _silence: Silence) {
        assert!(
            self.0
                .submit(Request::Script("SELECT 1"), &mut None)
                .is_err()
        );
        assert!(self.0.listen(None).is_none());
    }
}

#[test]
fn outlet_may_use_the_session_it_hears() {
    replay(|play| {
        play.begin();
        let outlet = Arc::new(Caller(Arc::clone(&play.link)));
        play.link.listen(Some(outlet));
        let (now, soon) = play.socket.flushes();
        play.server(&[notification("a", "b")]);
        assert_eq!((play.link.in_flight(), play.tags().as_str()), (1, "Q"));
        assert_eq!(play.socket.flushes(), (now + 1, soon));
        play.server(&[complete("SELECT 1"), ready(b'I')]);
        assert_eq!(play.link.in_flight(), 0);
        play.link.close();
    });
}

#[test]
fn end_of_the_session_is_told_once() {
    for lost in [false, true] {
        replay(|play| {
            play.begin();
            let ear = Ear::on(play);
            play.server(&[fatal("57P01", "terminating connection")]);
            if lost {
                play.eof();
            }
            play.link.close();
            assert_eq!(ear.heard(), ["0|Closed"]);
            let late = Ear {
                link: Arc::clone(&play.link),
                heard: Mutex::default(),
            };
            assert!(play.link.listen(Some(Arc::new(late))).is_some());
        });
    }
}

#[test]
fn notification_that_ends_too_early_closes_the_connection() {
    replay(|play| {
        play.begin();
        let ear = Ear::on(play);
        play.server(&[message(b'A', b"\0\0\0\x07channel without an end")]);
        assert!(play.broken);
        assert_eq!(ear.heard(), ["0|Closed"]);
    });
}
