//! Portals: opened, fetched in portions, exhausted, closed.

use super::play::replay;
use super::server::*;
use super::values::{Values, told};
use crate::session::{NoParams, Request, Session, Status};

#[test]
fn portal_is_fetched_in_portions_until_it_is_exhausted() {
    replay(|play| {
        play.begin();
        let statement = &play.prepare("SELECT $1", &[TEXT], &[("t", TEXT)]);
        let (portal, max_rows) = ("gino_portal_1", 1);
        let params = &Values::new(&[&["x"]]);
        let opened = play.submit(Request::Open {
            portal,
            statement,
            params,
            max_rows,
        });
        let sent = play.sent();
        assert!(sent[0].1.starts_with(b"gino_portal_1\0gino_0_1\0"));
        assert_eq!(sent[1], (b'E', b"gino_portal_1\0\0\0\0\x01".to_vec()));
        play.server(&[
            bind_complete(),
            row(&[Some(b"1")]),
            suspended(),
            ready(b'T'),
        ]);
        assert_eq!(told(opened), ", more: <t> 1;");

        let fetch = Request::Fetch {
            portal,
            statement,
            max_rows,
        };
        let fetched = play.submit(fetch);
        assert_eq!(play.tags(), "ES");
        play.server(&[row(&[Some(b"2")]), suspended(), ready(b'T')]);
        assert_eq!(told(fetched), ", more: <t> 2;");

        let fetch = Request::Fetch {
            portal,
            statement,
            max_rows,
        };
        let last = play.submit(fetch);
        play.server(&[complete("SELECT 0"), ready(b'T')]);
        assert_eq!(told(last), "SELECT 0: <t>");

        play.raw();
        let closed = play.submit(Request::Close { portal });
        assert_eq!(play.sent()[0], (b'C', b"Pgino_portal_1\0".to_vec()));
        play.server(&[close_complete(), ready(b'T')]);
        assert_eq!(told(closed), ":");
    });
}

#[test]
fn fetch_from_a_portal_that_is_gone_is_the_servers_error() {
    replay(|play| {
        play.begin();
        let statement = &play.prepare("SELECT 1", &[], &[("n", INT4)]);
        let fetched = play.submit(Request::Fetch {
            portal: "gone",
            statement,
            max_rows: 5,
        });
        play.server(&[
            error("34000", "portal \"gone\" does not exist"),
            ready(b'E'),
        ]);
        assert!(told(fetched).starts_with("Database: portal"));
        assert_eq!(play.link.status(), Status::Failed);
    });
}

#[test]
fn portal_name_with_a_zero_byte_is_refused() {
    replay(|play| {
        play.begin();
        let statement = &play.prepare("SELECT 1", &[], &[("n", INT4)]);
        let refused = play.link.submit(
            Request::Open {
                portal: "a\0b",
                statement,
                params: &NoParams,
                max_rows: 0,
            },
            &mut None,
        );
        assert!(refused.is_err());
        assert!(play.raw().is_empty());
        play.server(&[notice("all is well")]);
    });
}
