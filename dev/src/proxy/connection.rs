//! One connection: requests go up, responses come down, until either side ends or a rule cuts it.

use std::{io, sync::Mutex};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::oneshot,
};

use super::{Moment, Rule, Shared, Switch};

/// One request or response, with the four bytes of its length.
struct Frame(Vec<u8>);

/// The correlation id of the response that must not be forwarded, and whom to tell.
type Fatal = Mutex<Option<(i32, oneshot::Sender<()>)>>;

/// Larger than any message that a broker accepts as it is configured here.
const MAX_FRAME: usize = 128 << 20;

const LENGTH: usize = 4;

// === impl Frame ===

impl Frame {
    async fn read(from: &mut OwnedReadHalf) -> io::Result<Self> {
        let mut length = [0; LENGTH];
        from.read_exact(&mut length).await?;
        let size = usize::try_from(i32::from_be_bytes(length))
            .ok()
            .filter(|size| *size <= MAX_FRAME)
            .ok_or(io::ErrorKind::InvalidData)?;
        let mut bytes = vec![0; LENGTH + size];
        bytes[..LENGTH].copy_from_slice(&length);
        from.read_exact(&mut bytes[LENGTH..]).await?;
        Ok(Self(bytes))
    }

    /// A request's API key.
    fn api_key(&self) -> Option<i16> {
        Some(i16::from_be_bytes(self.field(0)?))
    }

    /// A request's correlation id, which follows the API's key and version.
    fn request_id(&self) -> Option<i32> {
        Some(i32::from_be_bytes(self.field(4)?))
    }

    /// A response's correlation id.
    fn response_id(&self) -> Option<i32> {
        Some(i32::from_be_bytes(self.field(0)?))
    }

    fn field<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        let start = LENGTH + at;
        self.0.get(start..start + N)?.try_into().ok()
    }
}

/// Moves frames in both directions; both sides are closed when this returns or is dropped.
pub(super) async fn relay(client: TcpStream, broker: TcpStream, shared: &Shared) {
    // Without this the kernel may hold back small requests; a connection that is gone says so soon enough.
    let _ = (client.set_nodelay(true), broker.set_nodelay(true));
    let (client_in, client_out) = client.into_split();
    let (broker_in, broker_out) = broker.into_split();
    let fatal = Fatal::default();
    let ended = tokio::select! {
        done = requests(client_in, broker_out, shared, &fatal) => done,
        done = responses(broker_in, client_out, shared, &fatal) => done,
    };
    // Whoever waits for the cut is told when both sides are closed: the halves are gone with the futures.
    if let Ok(done) = ended {
        // Nobody has to wait for it.
        let _ = done.send(());
    }
}

/// Until the client is gone, or a request has to be cut.
async fn requests(
    mut client: OwnedReadHalf,
    mut broker: OwnedWriteHalf,
    shared: &Shared,
    fatal: &Fatal,
) -> io::Result<oneshot::Sender<()>> {
    loop {
        let frame = Frame::read(&mut client).await?;
        shared.open().await;
        match frame.api_key().and_then(|key| shared.saw(key)) {
            Some(Rule {
                moment: Moment::BeforeRequest,
                done,
                ..
            }) => return Ok(done),
            Some(Rule {
                moment: Moment::AfterRequest,
                done,
                ..
            }) => {
                let id = frame.request_id().ok_or(io::ErrorKind::InvalidData)?;
                *fatal.lock().expect("no lock holder panics") = Some((id, done));
            }
            None => {}
        }
        broker.write_all(&frame.0).await?;
    }
}

/// Until the broker is gone, or a response has come that must not be forwarded.
async fn responses(
    mut broker: OwnedReadHalf,
    mut client: OwnedWriteHalf,
    shared: &Shared,
    fatal: &Fatal,
) -> io::Result<oneshot::Sender<()>> {
    loop {
        let frame = Frame::read(&mut broker).await?;
        shared.open().await;
        if let Some(done) = take_if_fatal(fatal, frame.response_id()) {
            return Ok(done);
        }
        client.write_all(&frame.0).await?;
    }
}

fn take_if_fatal(fatal: &Fatal, id: Option<i32>) -> Option<oneshot::Sender<()>> {
    let mut fatal = fatal.lock().expect("no lock holder panics");
    let (_, done) = fatal.take_if(|(wanted, _)| Some(*wanted) == id)?;
    Some(done)
}

// === impl Shared ===

impl Shared {
    /// Waits until bytes may move.
    async fn open(&self) {
        let mut blackhole = self.blackhole.subscribe();
        // The sender is a neighbour of this very method.
        let _ = blackhole.wait_for(|switch| *switch == Switch::Off).await;
    }
}
