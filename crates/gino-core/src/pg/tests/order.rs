//! Several requests at once: their order, who gave up, who is on hold, and who submits from inside
//! the input path.

use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};

use super::play::{Play, is_pending, replay};
use super::server::*;
use super::values::{Rows, told};
use crate::pg::Link;
use crate::session::{NoParams, Reply, Request, Session, Sink, Statement, Submitted};

fn answer(value: i32) -> [Vec<u8>; 4] {
    [
        bind_complete(),
        int_row(value),
        complete("SELECT 1"),
        ready(b'I'),
    ]
}

fn begun(play: &mut Play) -> Arc<Statement> {
    play.begin();
    play.prepare("SELECT 1", &[], &[("n", INT4)])
}

#[test]
fn requests_are_answered_in_the_order_of_submission() {
    replay(|play| {
        let statement = begun(play);
        let (now, soon) = play.socket.flushes();
        let mut replies: Vec<Reply> = (0..3).map(|_| play.run(&statement, &[&[]])).collect();
        assert_eq!(play.socket.flushes(), (now + 1, soon + 2));
        assert_eq!(play.tags(), "BESBESBES");
        assert_eq!(play.link.in_flight(), 3);
        play.server(&answer(1));
        assert!(is_pending(&mut replies[1]) && is_pending(&mut replies[2]));
        play.server(&answer(2));
        play.server(&answer(3));
        for (reply, value) in replies.into_iter().zip(1..) {
            assert_eq!(
                told(reply),
                format!(r"SELECT 1: <n> \x00\x00\x00\x0{value};")
            );
        }
    });
}

#[test]
fn abandoned_answer_is_drained_without_its_sink() {
    replay(|play| {
        let statement = begun(play);
        let rows = Rows::default();
        let count = Arc::clone(&rows.count);
        let request = Request::Execute {
            statement: &statement,
            params: &NoParams,
            max_rows: 0,
        };
        let given_up = play.submit_to(request, Some(Box::new(rows)));
        let next = play.run(&statement, &[&[]]);
        let mut drained = given_up.abandon();
        let mut cx = Context::from_waker(Waker::noop());
        let mut poll = || Future::poll(std::pin::Pin::new(&mut drained), &mut cx);
        assert!(poll().is_pending());
        play.server(&answer(1));
        assert!(poll().is_ready());
        play.server(&answer(2));
        assert_eq!(*count.lock().unwrap(), 0);
        assert_eq!(told(next), r"SELECT 1: <n> \x00\x00\x00\x02;");
        assert_eq!(play.link.in_flight(), 0);
    });
}

#[test]
fn answer_abandoned_after_its_first_row_gets_no_more() {
    replay(|play| {
        let statement = begun(play);
        let rows = Rows::default();
        let count = Arc::clone(&rows.count);
        let request = Request::Execute {
            statement: &statement,
            params: &NoParams,
            max_rows: 0,
        };
        let given_up = play.submit_to(request, Some(Box::new(rows)));
        play.server(&[bind_complete(), int_row(1)]);
        drop(given_up);
        play.server(&[int_row(2), int_row(3), complete("SELECT 3"), ready(b'I')]);
        assert_eq!(*count.lock().unwrap(), 1);
        assert_eq!(play.link.in_flight(), 0);
    });
}

#[test]
fn hold_takes_a_lone_request_only_and_keeps_others_away() {
    replay(|play| {
        let statement = begun(play);
        let request = || Request::Execute {
            statement: &statement,
            params: &NoParams,
            max_rows: 0,
        };
        assert!(!play.link.hold(), "nothing is in flight");
        let first = play.run(&statement, &[&[]]);
        let second = play.run(&statement, &[&[]]);
        assert!(!play.link.hold(), "two are in flight");
        play.server(&answer(1));
        assert!(play.link.hold());
        assert!(!play.link.hold(), "somebody else holds it");
        play.raw();
        let mut sink: Option<Box<dyn Sink>> = Some(Box::new(Rows::default()));
        let Submitted::Held = play.link.submit(request(), &mut sink).unwrap() else {
            panic!("submitted")
        };
        assert!(sink.is_some() && play.raw().is_empty());
        play.server(&answer(2));
        play.link.unhold();
        let third = play.submit(request());
        play.server(&answer(3));
        told(first);
        assert_eq!(told(second), r"SELECT 1: <n> \x00\x00\x00\x02;");
        assert_eq!(told(third), r"SELECT 1: <n> \x00\x00\x00\x03;");
    });
}

/// Runs the statement again as soon as it is woken, inside `readable`.
struct Again {
    link: Arc<Link>,
    statement: Arc<Statement>,
    replies: Mutex<Vec<Reply>>,
}

impl Wake for Again {
    fn wake(self: Arc<Self>) {
        let request = Request::Execute {
            statement: &self.statement,
            params: &NoParams,
            max_rows: 0,
        };
        let mut rows: Option<Box<dyn Sink>> = Some(Box::new(Rows::default()));
        let Ok(Submitted::Reply(reply)) = self.link.submit(request, &mut rows) else {
            panic!("not taken")
        };
        self.replies.lock().unwrap().push(reply);
        assert_eq!(self.link.in_flight(), 1);
    }
}

#[test]
fn who_is_woken_submits_from_inside_and_it_goes_out_at_the_end() {
    replay(|play| {
        let statement = begun(play);
        let again = Arc::new(Again {
            link: Arc::clone(&play.link),
            statement: Arc::clone(&statement),
            replies: Mutex::default(),
        });
        let waker = Waker::from(Arc::clone(&again));
        let mut first = play.run(&statement, &[&[]]);
        play.raw();
        let polled = Future::poll(
            std::pin::Pin::new(&mut first),
            &mut Context::from_waker(&waker),
        );
        assert!(polled.is_pending());
        let (now, soon) = play.socket.flushes();
        play.server(&answer(1));
        assert_eq!(again.replies.lock().unwrap().len(), 1);
        assert_eq!(play.socket.flushes(), (now + 1, soon));
        assert_eq!(play.tags(), "BES");
        play.server(&answer(2));
        told(first);
        let second = again.replies.lock().unwrap().pop().unwrap();
        assert_eq!(told(second), r"SELECT 1: <n> \x00\x00\x00\x02;");
    });
}
