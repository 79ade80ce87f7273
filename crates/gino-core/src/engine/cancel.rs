//! Owns the cancel request: a connection of its own that carries one packet and waits until the
//! server closes it (PostgreSQL manual, "Canceling Requests in Progress"). `heal` uses it, on a
//! connection that has nothing else in flight.

use std::io;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::BytesMut;

use super::on_drop::OnDrop;
use super::signal::Signal;
use crate::error::Result;
use crate::runtime::Runtime;
use crate::session::{Flush, Route, Transport, Wire};

/// Sends `packet` to `route` and waits for the end of the stream: the server has acted then.
pub(super) async fn cancel<R: Runtime>(runtime: &R, route: &Route, packet: Vec<u8>) -> Result<()> {
    let wire = Arc::new(CancelWire {
        packet: Mutex::new(packet),
        transport: OnceLock::new(),
        ended: Signal::opened(),
    });
    wire.ended.close();
    let _closing = OnDrop::new(Arc::clone(&wire), |wire| {
        if let Some(transport) = wire.transport.get() {
            transport.close();
        }
    });
    runtime
        .connect(route, Arc::clone(&wire) as Arc<dyn Wire>)
        .await?;
    if let Some(transport) = wire.transport.get() {
        transport.flush(Flush::Now);
    }
    wire.ended.wait().await;
    Ok(())
}

struct CancelWire {
    packet: Mutex<Vec<u8>>,
    transport: OnceLock<Box<dyn Transport>>,
    ended: Signal,
}

impl Wire for CancelWire {
    fn attach(&self, transport: Box<dyn Transport>) {
        let _ = self.transport.set(transport);
    }

    fn readable(&self, read: &mut dyn FnMut(&mut [u8]) -> io::Result<usize>) -> io::Result<usize> {
        // The server sends nothing; what comes is thrown away.
        let count = read(&mut [0; 64])?;
        if count == 0 {
            self.ended.open();
        }
        Ok(count)
    }

    fn poll_transmit(&self, out: &mut BytesMut) -> bool {
        let mut packet = self.packet.lock().unwrap_or_else(PoisonError::into_inner);
        out.extend_from_slice(&std::mem::take(&mut *packet));
        !out.is_empty()
    }

    fn lost(&self, _cause: Option<io::Error>) {
        self.ended.open();
    }
}
