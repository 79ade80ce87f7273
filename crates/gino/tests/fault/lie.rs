//! A server that lies gets a `ProtocolError`, is hung up on, and costs no memory.

use gino::prelude::*;
use gino::{Config, Error, ErrorKind};

use crate::ground::{Kind, on, promptly, resident, until};
use crate::liar::*;
use crate::server::{PATIENCE, with};

const MIB: usize = 1024 * 1024;

/// Asks the liar something, on a pool with `settings`; gives back what came of it.
async fn ask<T>(
    liar: Liar,
    settings: &str,
    question: impl AsyncFnOnce(&Engine) -> Result<T, Error>,
) -> Result<T, Error> {
    let before = resident();
    let liar = liar.listen().await;
    let url = with(&liar.url, settings);
    let config = Config::parse(Some(url.trim_end_matches('&')), &|_: &str| None).unwrap();
    let engine = Engine::new(config).unwrap();
    let answer = promptly(question(&engine)).await;
    if let Err(error) = &answer
        && error.kind() == ErrorKind::Protocol
    {
        until("the client hangs up", async || liar.hung_up()).await;
        assert_eq!(engine.figures().size, 0);
    }
    engine.terminate();
    engine.close(PATIENCE).await.unwrap();
    let grown = resident().saturating_sub(before);
    assert!(grown < 64 * MIB, "{grown} bytes more");
    answer
}

async fn one(engine: &Engine) -> Result<Option<i32>, Error> {
    engine.scalar("SELECT 1", &[]).await
}

/// Every one of `lies`, told by what `liar` makes of it, is found out.
fn are_found_out(lies: &[(&str, Vec<Vec<u8>>)], liar: fn(Vec<u8>) -> Liar) {
    on(Kind::MultiThread, async || {
        for (name, parts) in lies {
            let found = ask(liar(parts.concat()), "", one).await;
            let error = found.expect_err(name);
            assert_eq!(error.kind(), ErrorKind::Protocol, "{name}: {error:?}");
        }
    });
}

#[test]
fn lies_in_an_answer_are_found_out() {
    let no_rows = || vec![bound(), complete(b"SELECT 0")];
    let after = |first: Vec<Vec<u8>>, then: Vec<u8>| [first, vec![then]].concat();
    let lies = [
        ("row out of order", vec![row(&[b"1"])]),
        ("parse complete", vec![parsed()]),
        ("ready at once", vec![ready(b"I")]),
        ("bound twice", vec![bound(), bound()]),
        ("ready without an end", vec![bound(), ready(b"I")]),
        ("row after the end", after(no_rows(), row(&[b"1"]))),
        ("unknown status", after(no_rows(), ready(b"?"))),
        ("status too long", after(no_rows(), ready(b"II"))),
        ("unknown message", vec![bound(), message(b'x', b"what?")]),
        ("authentication again", vec![bound(), auth(0)]),
        ("text without end", vec![bound(), message(b'C', b"no end")]),
        ("error without end", vec![bound(), message(b'E', b"SERROR")]),
        ("length 3", vec![claiming(b'2', 3, b"")]),
        ("length 0", vec![claiming(b'2', 0, b"")]),
        ("4 GiB", vec![bound(), claiming(b'D', u32::MAX, b"\0\x01")]),
        (
            "2 GiB",
            vec![bound(), claiming(b'D', 0x8000_0000, b"\0\x01")],
        ),
        (
            "more than 1 GiB",
            vec![bound(), claiming(b'D', 0x4000_0005, b"\0\x01")],
        ),
        ("row with too many cells", vec![bound(), row(&[b"1", b"2"])]),
        ("row with none", vec![bound(), row(&[])]),
        (
            "65,535 cells claimed",
            vec![bound(), message(b'D', b"\xff\xff")],
        ),
        (
            "cell longer than its row",
            vec![bound(), message(b'D', b"\0\x01\x7f\xff\xff\xff")],
        ),
        (
            "negative cell",
            vec![bound(), message(b'D', b"\0\x01\x80\0\0\0")],
        ),
        (
            "garbage",
            vec![b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()],
        ),
    ];
    are_found_out(&lies, |lies| Liar::new(&[lies]));
}

#[test]
fn lies_about_a_statement_are_found_out() {
    let described = |body: &[u8]| vec![parsed(), no_parameters(), message(b'T', body)];
    let lies = [
        ("bound", vec![bound()]),
        (
            "ready without columns",
            vec![parsed(), no_parameters(), ready(b"I")],
        ),
        (
            "65,535 parameters",
            vec![parsed(), message(b't', b"\xff\xff")],
        ),
        ("65,535 columns", described(b"\xff\xffa\0")),
        ("column cut", described(b"\0\x01n\0\0")),
    ];
    are_found_out(&lies, |prepared| Liar {
        prepared,
        ..Liar::new(&[])
    });
}

#[test]
fn lies_during_start_up_are_found_out() {
    let lies = [
        ("ready at once", vec![ready(b"I")]),
        ("parse complete", vec![parsed()]),
        ("unknown authentication", vec![auth(99)]),
        ("empty authentication", vec![message(b'R', b"")]),
        ("welcome twice", vec![auth(0), auth(0)]),
        ("key too long", vec![auth(0), message(b'K', &[0; 300])]),
        ("unknown status", vec![auth(0), ready(b"x")]),
        ("128 KiB claimed", vec![claiming(b'R', 0x20000, b"")]),
        ("4 GiB claimed", vec![claiming(b'R', u32::MAX, b"")]),
        (
            "another protocol",
            vec![b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()],
        ),
        (
            "settings without end",
            vec![auth(0), settings_without_end()],
        ),
    ];
    are_found_out(&lies, |lies| Liar {
        welcome: None,
        ..Liar::new(&[lies])
    });
}

/// A transaction with a server that answers BEGIN and COMMIT so.
fn transaction(begin: &[Vec<u8>], commit: &[Vec<u8>]) -> Result<(), Error> {
    let mut outcome = None;
    let scripts = vec![begin.concat(), commit.concat()];
    on(Kind::MultiThread, async || {
        let liar = Liar {
            scripts: scripts.clone(),
            ..Liar::new(&[])
        };
        let work = async |engine: &Engine| engine.transaction(async |_| Ok(())).await;
        outcome = Some(ask(liar, "", work).await);
    });
    outcome.unwrap()
}

#[test]
fn lies_about_a_transaction_are_found_out() {
    let begun = [complete(b"BEGIN"), ready(b"T")];
    let committed = [complete(b"COMMIT"), ready(b"I")];
    assert!(transaction(&begun, &committed).is_ok());
    // What a server says of a transaction in which something has failed.
    let rolled_back = [complete(b"ROLLBACK"), ready(b"I")];
    let error = transaction(&begun, &rolled_back).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage, "{error:?}");
    assert!(
        error.to_string().starts_with("nothing was committed"),
        "{error}"
    );
    let nothing = [complete(b"BEGIN"), ready(b"I")];
    let other = [complete(b"SELECT 1"), ready(b"I")];
    let none = [message(b'I', b""), ready(b"I")];
    for (begin, commit) in [(&nothing, &committed), (&begun, &other), (&begun, &none)] {
        let error = transaction(begin, commit).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol, "{error:?}");
    }
}

fn settings_without_end() -> Vec<u8> {
    let value = "x".repeat(40_000);
    let setting = |n: i32| message(b'S', format!("setting{n}\0{value}\0").as_bytes());
    (0..300).flat_map(setting).collect()
}

/// Reads the value that the liar gives as three bytes of whatever type.
fn is_no_value<T: postgres_types::FromSqlOwned>(oid: u32) {
    on(Kind::MultiThread, async || {
        let answer = [
            bound(),
            row(&[b"\xff\xff\xff"]),
            complete(b"SELECT 1"),
            ready(b"I"),
        ];
        let liar = Liar {
            prepared: prepared(oid, -1),
            ..Liar::new(&answer)
        };
        let read = async |engine: &Engine| engine.scalar::<T>("SELECT 1", &[]).await;
        let error = ask(liar, "command_timeout=1", read).await.err();
        let kind = error.as_ref().map(Error::kind);
        // A type of nobody's is asked for first, and the answer to that is a lie.
        let expected = [Some(ErrorKind::Codec), Some(ErrorKind::Protocol)];
        assert!(expected.contains(&kind), "{oid}: {error:?}");
    });
}

#[test]
fn value_of_another_type_than_told_is_an_error() {
    is_no_value::<i32>(0);
    is_no_value::<bool>(16);
    is_no_value::<i64>(20);
    is_no_value::<i16>(21);
    is_no_value::<serde_json::Value>(114);
    is_no_value::<geo_types::Point<f64>>(600);
    is_no_value::<chrono::NaiveDateTime>(1114);
    is_no_value::<chrono::DateTime<chrono::Utc>>(1184);
    is_no_value::<rust_decimal::Decimal>(1700);
    is_no_value::<uuid::Uuid>(2950);
    is_no_value::<serde_json::Value>(3802);
    is_no_value::<String>(3904);
    is_no_value::<Vec<i32>>(1007);
    is_no_value::<String>(2249);
}

#[test]
fn endless_messages_take_no_memory() {
    let floods = [
        message(b'N', b"SNOTICE\0Mx\0\0"),
        message(b'A', b"\0\0\0\x01channel\0payload\0"),
        message(b'S', b"TimeZone\0UTC\0"),
    ];
    for flood in floods {
        on(Kind::MultiThread, async || {
            let liar = Liar {
                portion: flood.repeat(MIB / flood.len()),
                times: 200,
                ..Liar::new(&[bound()])
            };
            let error = ask(liar, "command_timeout=1", one).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Timeout, "{error:?}");
        });
    }
}

#[test]
fn claim_of_a_gibibyte_costs_what_arrives() {
    on(Kind::MultiThread, async || {
        let before = resident();
        let claim = claiming(b'D', 0x3FFF_FFFF, b"\0\x01");
        let measured = async |engine: &Engine| {
            let answer = one(engine).await;
            assert!(resident().saturating_sub(before) < 16 * MIB);
            answer
        };
        let liar = Liar::new(&[bound(), claim]);
        let error = ask(liar, "command_timeout=0.2", measured)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout, "{error:?}");
    });
}
