//! Ends of a connection: the server's farewell, a cut stream, and closing from any side at any time.

use std::io;
use std::sync::Arc;

use super::play::{Play, done, replay};
use super::server::*;
use super::values::{Rows, told};
use crate::error::{Closed, ErrorKind, Leaf, Result};
use crate::pg::Link;
use crate::row::{Columns, RawRow};
use crate::session::{NoParams, Request, Session, Sink, Statement, Status, Wire};

fn begun(play: &mut Play) -> Arc<Statement> {
    play.begin();
    play.prepare("SELECT 1", &[], &[("n", INT4)])
}

fn is_closed(play: &Play) -> bool {
    play.socket.is_closed() && play.link.status() == Status::Closed && play.link.in_flight() == 0
}

#[test]
fn farewell_while_idle_is_told_to_who_comes_next() {
    replay(|play| {
        play.begin();
        play.server(&[fatal(
            "57P01",
            "terminating connection due to administrator command",
        )]);
        play.eof();
        assert!(is_closed(play));
        let Err(error) = play.link.submit(Request::Script("SELECT 1"), &mut None) else {
            panic!("submitted")
        };
        assert_eq!(error.kind(), ErrorKind::Closed);
        assert!(
            error.to_string().contains("administrator command"),
            "{error}"
        );
    });
}

#[test]
fn farewell_in_answer_to_a_request_fails_it_and_those_behind_it() {
    replay(|play| {
        let statement = begun(play);
        let first = play.run(&statement, &[&[]]);
        let second = play.run(&statement, &[&[]]);
        play.server(&[bind_complete(), fatal("57P01", "shutting down")]);
        play.eof();
        assert_eq!(done(first).err().unwrap().sqlstate(), Some("57P01"));
        assert_eq!(done(second).err().unwrap().kind(), ErrorKind::Closed);
        assert!(is_closed(play));
    });
}

#[test]
fn end_of_stream_inside_a_message_fails_everything_in_flight() {
    replay(|play| {
        let statement = begun(play);
        let replies: Vec<_> = (0..3).map(|_| play.run(&statement, &[&[]])).collect();
        let half = int_row(1)[..7].to_vec();
        play.server(&[bind_complete(), int_row(1), half]);
        play.eof();
        for reply in replies {
            let error = done(reply).err().unwrap();
            assert!(
                matches!(error.leaf(), Leaf::Closed(Closed::Lost(_))),
                "{error}"
            );
        }
        assert!(is_closed(play));
    });
}

#[test]
fn reason_of_the_loss_reaches_who_waits() {
    replay(|play| {
        let statement = begun(play);
        let reply = play.run(&statement, &[&[]]);
        play.server(&[bind_complete()]);
        play.link.lost(Some(io::ErrorKind::ConnectionReset.into()));
        let error = done(reply).err().unwrap();
        assert_eq!(
            error.to_string(),
            "the connection was lost: connection reset"
        );
        play.link.lost(None);
        assert!(is_closed(play));
    });
}

#[test]
fn closing_says_goodbye_and_fails_what_is_in_flight() {
    replay(|play| {
        let statement = begun(play);
        let replies: Vec<_> = (0..2).map(|_| play.run(&statement, &[&[]])).collect();
        play.server(&[bind_complete(), int_row(1)]);
        play.link.close();
        assert_eq!(play.tags(), "BESBESX");
        for reply in replies {
            assert_eq!(done(reply).err().unwrap().kind(), ErrorKind::Closed);
        }
        play.link.close();
        assert!(is_closed(play) && play.raw().is_empty());
    });
}

/// A sink that closes the connection when it gets a row.
struct Closing(Arc<Link>);

impl Sink for Closing {
    fn begin(&mut self, _columns: &Arc<Columns>) -> Result<()> {
        Ok(())
    }

    fn row(&mut self, _row: RawRow<'_>) -> Result<()> {
        self.0.close();
        Ok(())
    }

    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any + Send> {
        self
    }
}

#[test]
fn connection_closed_while_rows_come_in_stays_closed() {
    replay(|play| {
        let statement = begun(play);
        let request = Request::Execute {
            statement: &statement,
            params: &NoParams,
            max_rows: 0,
        };
        let closing = Closing(Arc::clone(&play.link));
        let reply = play.submit_to(request, Some(Box::new(closing)));
        let next = play.run(&statement, &[&[]]);
        play.server(&[
            bind_complete(),
            int_row(1),
            complete("SELECT 1"),
            ready(b'I'),
            parameter("late", "word"),
            notice("and more"),
        ]);
        // Its answer may have been complete in the same read; it is answered in any case.
        let _ = done(reply);
        assert_eq!(done(next).err().unwrap().kind(), ErrorKind::Closed);
        assert!(is_closed(play));
    });
}

#[test]
fn nothing_is_taken_after_the_end() {
    replay(|play| {
        let statement = begun(play);
        let reply = play.run(&statement, &[&[]]);
        play.server(&[bind_complete(), complete("SELECT 0"), ready(b'I')]);
        assert_eq!(told(reply), "SELECT 0: <n>");
        play.eof();
        let request = Request::Execute {
            statement: &statement,
            params: &NoParams,
            max_rows: 0,
        };
        let sink: Box<dyn Sink> = Box::new(Rows::default());
        let mut sink = Some(sink);
        assert!(play.link.submit(request, &mut sink).is_err() && sink.is_some());
        assert!(!play.link.hold());
    });
}
