//! Owns a server that says what it is told to. Never stores anything, never looks at what it is asked.
//! Messages: PostgreSQL manual, "Message Formats".

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const SSL_REQUEST: u32 = 80_877_103;
const GSS_REQUEST: u32 = 80_877_104;

/// A message with the length that is due to it.
pub(crate) fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    claiming(tag, u32::try_from(body.len()).unwrap() + 4, body)
}

/// A message that claims another length, itself included.
pub(crate) fn claiming(tag: u8, length: u32, body: &[u8]) -> Vec<u8> {
    [&[tag], &length.to_be_bytes()[..], body].concat()
}

pub(crate) fn ready(status: &[u8]) -> Vec<u8> {
    message(b'Z', status)
}

/// A RowDescription of one column of the type `oid`.
pub(crate) fn columns(oid: u32, size: i16) -> Vec<u8> {
    let mut body = b"\0\x01n\0\0\0\0\0\0\0".to_vec();
    body.extend(oid.to_be_bytes());
    body.extend(size.to_be_bytes());
    body.extend(b"\xff\xff\xff\xff\0\0");
    message(b'T', &body)
}

pub(crate) fn row(cells: &[&[u8]]) -> Vec<u8> {
    let mut body = u16::try_from(cells.len()).unwrap().to_be_bytes().to_vec();
    for cell in cells {
        body.extend(u32::try_from(cell.len()).unwrap().to_be_bytes());
        body.extend(*cell);
    }
    message(b'D', &body)
}

pub(crate) fn auth(kind: u32) -> Vec<u8> {
    message(b'R', &kind.to_be_bytes())
}

pub(crate) fn parsed() -> Vec<u8> {
    message(b'1', b"")
}

pub(crate) fn bound() -> Vec<u8> {
    message(b'2', b"")
}

pub(crate) fn no_parameters() -> Vec<u8> {
    message(b't', b"\0\0")
}

pub(crate) fn complete(tag: &[u8]) -> Vec<u8> {
    message(b'C', &[tag, b"\0"].concat())
}

/// The answers to a Parse of a statement that gives one column.
pub(crate) fn prepared(oid: u32, size: i16) -> Vec<u8> {
    [parsed(), no_parameters(), columns(oid, size), ready(b"I")].concat()
}

/// Says `welcome` to who starts up, `scripts` to what comes as scripts, then `prepared` to a Parse,
/// then `lies` to whatever comes next, and the `portion` again and again.
#[derive(Clone)]
pub(crate) struct Liar {
    pub(crate) welcome: Option<Vec<u8>>,
    pub(crate) scripts: Vec<Vec<u8>>,
    pub(crate) prepared: Vec<u8>,
    pub(crate) lies: Vec<u8>,
    pub(crate) portion: Vec<u8>,
    pub(crate) times: usize,
}

/// A liar that listens, until this is dropped.
pub(crate) struct Listening {
    pub(crate) url: String,
    hung_up: Arc<AtomicBool>,
    task: tokio::task::AbortHandle,
}

impl Listening {
    /// Whether the client has.
    pub(crate) fn hung_up(&self) -> bool {
        self.hung_up.load(Ordering::SeqCst)
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Liar {
    pub(crate) fn new(lies: &[Vec<u8>]) -> Liar {
        let key = message(b'K', b"\0\0\0\x07\0\0\0\x09");
        Liar {
            welcome: Some([auth(0), key, ready(b"I")].concat()),
            scripts: Vec::new(),
            prepared: prepared(23, 4),
            lies: lies.concat(),
            portion: Vec::new(),
            times: 0,
        }
    }

    pub(crate) async fn listen(self) -> Listening {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let hung_up = Arc::new(AtomicBool::new(false));
        let heard = Arc::clone(&hung_up);
        let listening = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (liar, heard) = (self.clone(), Arc::clone(&heard));
                tokio::spawn(async move {
                    let _ = liar.serve(stream).await;
                    heard.store(true, Ordering::SeqCst);
                });
            }
        });
        Listening {
            url: format!("postgresql://liar@{address}/lies?min_size=0&max_size=1"),
            hung_up,
            task: listening.abort_handle(),
        }
    }

    /// Until the client has hung up.
    async fn serve(self, mut stream: TcpStream) -> std::io::Result<()> {
        loop {
            let length = usize::try_from(stream.read_u32().await?).unwrap();
            let mut body = vec![0; length - 4];
            stream.read_exact(&mut body).await?;
            let code = u32::from_be_bytes(body[..4].try_into().unwrap());
            if code != SSL_REQUEST && code != GSS_REQUEST {
                break;
            }
            stream.write_all(b"N").await?;
        }
        if let Some(welcome) = &self.welcome {
            stream.write_all(welcome).await?;
            let mut tag = request(&mut stream).await?;
            let mut scripts = std::iter::once(who()).chain(self.scripts.iter().cloned());
            while tag == b'Q' {
                let Some(answer) = scripts.next() else { break };
                stream.write_all(&answer).await?;
                tag = request(&mut stream).await?;
            }
            if tag == b'P' {
                stream.write_all(&self.prepared).await?;
                request(&mut stream).await?;
            }
        }
        stream.write_all(&self.lies).await?;
        for _ in 0..self.times {
            stream.write_all(&self.portion).await?;
        }
        while stream.read(&mut [0; 4096]).await? > 0 {}
        Ok(())
    }
}

/// The answer to `SELECT pg_backend_pid()`, by which a client knows whether a pooler is between.
fn who() -> Vec<u8> {
    [
        columns(23, 4),
        row(&[b"7"]),
        complete(b"SELECT 1"),
        ready(b"I"),
    ]
    .concat()
}

/// The first tag of the messages up to the next that wants an answer.
async fn request(stream: &mut TcpStream) -> std::io::Result<u8> {
    let mut first = None;
    loop {
        let tag = stream.read_u8().await?;
        let length = usize::try_from(stream.read_u32().await?).unwrap();
        stream.read_exact(&mut vec![0; length - 4]).await?;
        let first = *first.get_or_insert(tag);
        if matches!(tag, b'Q' | b'S') {
            return Ok(first);
        }
    }
}
