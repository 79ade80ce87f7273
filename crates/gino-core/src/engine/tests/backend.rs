//! Owns one process of the server: enough of the protocol to tell whether the engine keeps its
//! promises. Never runs a statement itself: `sql` does.

use std::collections::HashMap;
use std::time::Duration;

use super::sql::{Failure, NO_PORTAL, NO_STATEMENT, returns_rows, sleeper};
use super::types::{answer, question, typed};
use crate::clock::Instant;
use crate::pg::tests::server::*;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Life {
    Serving,
    /// It is a connection that carries a cancel request for a process.
    Cancelling(u32),
    /// The same, once the server has read it.
    Cancelled,
    Ended,
}

pub(super) struct Backend {
    pub(super) process: u32,
    pub(super) life: Life,
    pub(super) out: Vec<u8>,
    /// ReadyForQuery's status.
    pub(super) status: u8,
    /// Whether something was SET and not RESET.
    pub(super) touched: bool,
    started: bool,
    pub(super) role: Role,
    /// Refuses everybody with this SQLSTATE.
    unfriendly: Option<&'static str>,
    input: Vec<u8>,
    pub(super) savepoints: Vec<String>,
    statements: HashMap<String, String>,
    pub(super) portals: HashMap<String, Portal>,
    /// An extended request failed: what comes before its Sync is skipped.
    skipping: bool,
    /// Until when the statement in front of the input sleeps.
    sleeping: Option<Instant>,
    pub(super) cancelled: bool,
    /// It takes the data of a COPY: how many pieces so far.
    pub(super) copying: Option<usize>,
}

/// What a server is among several.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Role {
    pub(super) standby: bool,
    pub(super) read_only: bool,
    /// It says so only when it is asked, as servers before 14 do.
    pub(super) silent: bool,
    /// It is a pooler, and this process answers.
    pub(super) pooled_process: Option<u32>,
    /// How many milliseconds it thinks about a question about types.
    pub(super) types_take: u64,
    /// It lets nobody read the catalog.
    pub(super) discreet: bool,
}

pub(super) struct Portal {
    pub(super) sql: String,
    rows: Option<(i32, i32)>,
}

impl Backend {
    pub(super) fn new(process: u32, unfriendly: Option<&'static str>, role: Role) -> Backend {
        Backend {
            process,
            life: Life::Serving,
            out: Vec::new(),
            status: b'I',
            touched: false,
            started: false,
            role,
            unfriendly,
            input: Vec::new(),
            savepoints: Vec::new(),
            statements: HashMap::new(),
            portals: HashMap::new(),
            skipping: false,
            sleeping: None,
            cancelled: false,
            copying: None,
        }
    }

    pub(super) fn receive(&mut self, bytes: &[u8]) {
        self.input.extend(bytes);
    }

    /// How many requests are under way: those that will end in a ReadyForQuery.
    pub(super) fn requests(&self) -> usize {
        let mut rest = &self.input[..];
        let mut count = 0;
        while let Some((tag, _, more)) = split(rest) {
            count += usize::from(matches!(tag, b'S' | b'Q'));
            rest = more;
        }
        count
    }

    /// A cancel request arrives: it hits what runs, if anything does.
    pub(super) fn cancel(&mut self) {
        self.cancelled = self.sleeping.is_some();
        if self.copying.take().is_some() {
            self.fail(("57014", "canceling statement due to user request"));
            self.out.extend(ready(self.status));
        }
    }

    pub(super) fn die(&mut self) {
        let text = "terminating connection due to administrator command";
        self.out.extend(fatal("57P01", text));
        self.life = Life::Ended;
    }

    /// Handles messages until they are used up or a statement sleeps: until when.
    pub(super) fn work(&mut self, now: Instant, log: &mut Vec<(u32, String)>) -> Option<Instant> {
        while self.life == Life::Serving {
            if !self.started {
                self.start()?;
                continue;
            }
            let (tag, body, rest) = split(&self.input)?;
            let (body, rest) = (body.to_vec(), rest.to_vec());
            if let Some(text) = sleeper(tag, &body, self).filter(|_| !self.skipping) {
                let time = text.parse().map(Duration::from_millis).unwrap();
                let until = *self.sleeping.get_or_insert(now + time);
                if now < until && !self.cancelled {
                    return Some(until);
                }
            }
            self.input = rest;
            self.handle(tag, &body, log);
            self.sleeping = None;
            self.cancelled = false;
        }
        None
    }

    fn start(&mut self) -> Option<()> {
        let length = u32::from_be_bytes(*self.input.first_chunk()?) as usize;
        let packet: Vec<u8> = self.input.get(..length)?.to_vec();
        self.input.drain(..length);
        if packet[4..8] == 80_877_102_u32.to_be_bytes() {
            let process = u32::from_be_bytes(*packet[8..].first_chunk().unwrap());
            self.life = Life::Cancelling(process);
            return Some(());
        }
        if let Some(state) = self.unfriendly {
            self.out.extend(fatal(state, "not you"));
            self.life = Life::Ended;
            return Some(());
        }
        self.started = true;
        let key = backend_key(self.process, 42);
        self.out.extend(auth_ok());
        if !self.role.silent {
            for (name, is_so) in [
                ("in_hot_standby", self.role.standby),
                ("default_transaction_read_only", self.role.read_only),
            ] {
                self.out
                    .extend(parameter(name, if is_so { "on" } else { "off" }));
            }
        }
        self.out.extend([key, ready(b'I')].concat());
        Some(())
    }

    fn handle(&mut self, tag: u8, body: &[u8], log: &mut Vec<(u32, String)>) {
        match tag {
            b'X' => self.life = Life::Ended,
            b'd' | b'c' | b'f' => self.take_copy(tag, log),
            _ if self.copying.is_some() => panic!("message {} in a COPY", tag as char),
            b'S' => {
                self.skipping = false;
                if self.status == b'I' {
                    self.portals.clear();
                }
                self.out.extend(ready(self.status));
            }
            b'Q' => {
                let script = texts(body).remove(0);
                if let Err(failure) = self.script(&script, log) {
                    self.fail(failure);
                }
                if self.copying.is_none() {
                    self.out.extend(ready(self.status));
                }
            }
            _ if self.skipping => {}
            _ => {
                if let Err(failure) = self.extended(tag, body, log) {
                    self.fail(failure);
                    self.skipping = true;
                }
            }
        }
    }

    fn fail(&mut self, (state, text): Failure) {
        self.out.extend(error(state, text));
        if self.status == b'T' {
            self.status = b'E';
        }
    }

    /// Data of a COPY that has ended already is ignored, as the server does.
    fn take_copy(&mut self, tag: u8, log: &mut Vec<(u32, String)>) {
        let Some(count) = &mut self.copying else {
            return;
        };
        if tag == b'd' {
            *count += 1;
            return;
        }
        let count = *count;
        self.copying = None;
        if tag == b'c' {
            log.push((self.process, format!("COPIED {count}")));
            self.out.extend(complete(&format!("COPY {count}")));
        } else {
            self.fail(("57014", "COPY from stdin failed"));
        }
        self.out.extend(ready(self.status));
    }

    fn script(&mut self, script: &str, log: &mut Vec<(u32, String)>) -> Result<(), Failure> {
        if script.trim().is_empty() {
            self.out.extend(empty_query());
        }
        for sql in script.split(';').map(str::trim).filter(|s| !s.is_empty()) {
            if sql == "SELECT pg_catalog.pg_backend_pid()" {
                let process = self.role.pooled_process.unwrap_or(self.process).to_string();
                self.out.extend(columns(&[("pg_backend_pid", INT4)]));
                self.out.extend(row(&[Some(process.as_bytes())]));
                self.out.extend(complete("SELECT 1"));
                continue;
            }
            log.push((self.process, sql.to_owned()));
            let (tag, rows) = self.execute(sql)?;
            if tag == "COPYIN" {
                self.copying = Some(0);
                self.out.extend(copy(b'G'));
                return Ok(());
            }
            if tag == "COPYOUT" {
                self.out.extend(copy(b'H'));
                (0..rows).for_each(|_| self.out.extend(message(b'd', &[b'x'; 100])));
                self.out.extend(message(b'c', &[]));
            }
            let Role {
                standby, read_only, ..
            } = self.role;
            let answer = match sql {
                "SELECT pg_catalog.pg_is_in_recovery()" => Some(if standby { "t" } else { "f" }),
                "SHOW transaction_read_only" if standby || read_only => Some("on"),
                "SHOW transaction_read_only" => Some("off"),
                _ => None,
            };
            if let Some(answer) = answer {
                self.out.extend(columns(&[("answer", TEXT)]));
                self.out.extend(row(&[Some(answer.as_bytes())]));
            }
            self.out.extend(complete(&tag));
        }
        Ok(())
    }

    fn extended(
        &mut self,
        tag: u8,
        body: &[u8],
        log: &mut Vec<(u32, String)>,
    ) -> Result<(), Failure> {
        let mut names = texts(body);
        match tag {
            b'P' => {
                let sql = names.swap_remove(1);
                self.refuse_if_failed(&sql)?;
                self.statements.insert(names.swap_remove(0), sql);
                self.out.extend(parse_complete());
            }
            b'D' => {
                self.out.extend(parameter_types(&[]));
                let sql = self.statements.get(&names[0][1..]).ok_or(NO_STATEMENT)?;
                let shape = if let Some(oids) = typed(sql) {
                    columns(&oids.iter().map(|oid| ("v", *oid)).collect::<Vec<_>>())
                } else if returns_rows(sql) {
                    columns(&[("n", INT4)])
                } else {
                    no_data()
                };
                self.out.extend(shape);
            }
            b'B' => {
                let sql = self.statements.get(&names[1]).ok_or(NO_STATEMENT)?.clone();
                self.refuse_if_failed(&sql)?;
                let sql = question(&sql, body).unwrap_or(sql);
                let portal = Portal { sql, rows: None };
                self.portals.insert(names.swap_remove(0), portal);
                self.out.extend(bind_complete());
            }
            b'E' => {
                let most = i32::from_be_bytes(*body.last_chunk().unwrap());
                let mut portal = self.portals.remove(&names[0]).ok_or(NO_PORTAL)?;
                let mut command = String::new();
                if portal.rows.is_none() {
                    log.push((self.process, portal.sql.clone()));
                    let (tag, rows) = self.execute(&portal.sql)?;
                    (command, portal.rows) = (tag, Some((0, rows)));
                }
                let (from, all) = portal.rows.unwrap_or_default();
                let to = if most == 0 { all } else { all.min(from + most) };
                (from..to).for_each(|value| self.out.extend(int_row(value + 1)));
                if portal.sql.starts_with("TYPES") {
                    self.out.extend(answer(&portal.sql).concat());
                } else if let Some(oids) = typed(&portal.sql) {
                    self.out.extend(row(&vec![None; oids.len()]));
                }
                if most != 0 && to == from + most {
                    self.out.extend(suspended());
                } else {
                    self.out.extend(complete(&command));
                }
                portal.rows = Some((to, all));
                self.portals.insert(names.swap_remove(0), portal);
            }
            b'C' => {
                match names[0].split_at(1) {
                    ("S", name) => drop(self.statements.remove(name)),
                    (_, name) => drop(self.portals.remove(name)),
                }
                self.out.extend(close_complete());
            }
            other => panic!("message {}", other as char),
        }
        Ok(())
    }
}

/// The first message: its type, its body, what follows.
fn split(input: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[tag, a, b, c, d], rest) = input.split_first_chunk::<5>()?;
    let length = u32::from_be_bytes([a, b, c, d]) as usize - 4;
    let (body, rest) = rest.split_at_checked(length)?;
    Some((tag, body, rest))
}

/// The zero-terminated texts that a message begins with.
pub(super) fn texts(body: &[u8]) -> Vec<String> {
    let texts = body.split(|byte| *byte == 0);
    texts
        .map(|text| String::from_utf8_lossy(text).into())
        .collect()
}
