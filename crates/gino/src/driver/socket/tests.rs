//! The socket over a pipe in memory: order, back-pressure, and what ends it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use super::*;

/// A wire that sends what it is told and keeps what it is given.
#[derive(Default)]
struct Recorder {
    transport: Mutex<Option<Box<dyn Transport>>>,
    out: Mutex<Vec<u8>>,
    received: Mutex<Vec<u8>>,
    lost: AtomicBool,
}

impl Recorder {
    fn over(stream: DuplexStream) -> Arc<Recorder> {
        let recorder = Arc::new(Recorder::default());
        let (read, write) = tokio::io::split(stream);
        attach(read, write, &(Arc::clone(&recorder) as Arc<dyn Wire>));
        recorder
    }

    fn say(&self, bytes: &[u8], when: Flush) {
        self.out.lock().unwrap().extend_from_slice(bytes);
        self.transport.lock().unwrap().as_ref().unwrap().flush(when);
    }

    async fn until_lost(&self) {
        while !self.lost.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

impl Wire for Recorder {
    fn attach(&self, transport: Box<dyn Transport>) {
        *self.transport.lock().unwrap() = Some(transport);
    }

    fn readable(&self, read: &mut dyn FnMut(&mut [u8]) -> io::Result<usize>) -> io::Result<usize> {
        let mut space = [0; 7];
        let count = read(&mut space)?;
        self.received.lock().unwrap().extend(&space[..count]);
        Ok(count)
    }

    fn poll_transmit(&self, out: &mut BytesMut) -> bool {
        let mut own = self.out.lock().unwrap();
        out.extend_from_slice(&std::mem::take(&mut *own));
        !out.is_empty()
    }

    fn lost(&self, _cause: Option<io::Error>) {
        self.lost.store(true, Ordering::SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn bytes_of_many_threads_pass_a_narrow_pipe_whole_and_in_order() {
    let (near, mut far) = tokio::io::duplex(5);
    let wire = Recorder::over(near);
    let speakers: Vec<_> = (0..4)
        .map(|speaker| {
            let wire = Arc::clone(&wire);
            std::thread::spawn(move || {
                for n in 0..250_u32 {
                    let when = [Flush::Now, Flush::Soon][usize::from(n % 3 == 0)];
                    wire.say(format!("{speaker}:{n:04};").as_bytes(), when);
                }
            })
        })
        .collect();
    let mut heard = vec![0; 4 * 250 * 7];
    far.read_exact(&mut heard).await.unwrap();
    speakers
        .into_iter()
        .for_each(|speaker| speaker.join().unwrap());
    let text = String::from_utf8(heard).unwrap();
    let words: Vec<&str> = text.split_terminator(';').collect();
    for speaker in 0..4 {
        let own = words
            .iter()
            .filter_map(|word| word.strip_prefix(&format!("{speaker}:")));
        assert!(own.map(|n| n.parse::<u32>().unwrap()).eq(0..250));
    }
}

#[tokio::test]
async fn what_the_peer_said_is_heard_before_its_end() {
    let (near, mut far) = tokio::io::duplex(64);
    let wire = Recorder::over(near);
    far.write_all(b"a last word before the end").await.unwrap();
    drop(far);
    // Sending fails now; reading goes on.
    wire.say(b"hello", Flush::Now);
    wire.until_lost().await;
    assert_eq!(
        &*wire.received.lock().unwrap(),
        b"a last word before the end"
    );
}

#[tokio::test]
async fn socket_ends_with_its_wire() {
    let (near, mut far) = tokio::io::duplex(64);
    let wire = Recorder::over(near);
    wire.say(b"bye", Flush::Now);
    drop(wire);
    let mut heard = Vec::new();
    far.read_to_end(&mut heard).await.unwrap();
    assert_eq!(heard, b"bye");
}

#[tokio::test]
async fn closing_sends_what_was_flushed_and_loses_nothing_else() {
    let (near, mut far) = tokio::io::duplex(64);
    let wire = Recorder::over(near);
    wire.say(b"terminate", Flush::Now);
    wire.transport.lock().unwrap().as_ref().unwrap().close();
    wire.say(b"too late", Flush::Now);
    let mut heard = Vec::new();
    far.read_to_end(&mut heard).await.unwrap();
    assert_eq!(heard, b"terminate");
    assert!(!wire.lost.load(Ordering::SeqCst));
}

#[test]
fn runtime_that_ends_loses_the_wire() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let (near, _far) = tokio::io::duplex(64);
    let wire = runtime.block_on(async { Recorder::over(near) });
    drop(runtime);
    assert!(wire.lost.load(Ordering::SeqCst));
    wire.say(b"into the void", Flush::Now);
}
