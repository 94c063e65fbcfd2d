//! A socket whose other end must take what it is sent, and may close its sending half while it waits.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

use crate::clients::Presence;

/// How long an answer may take to be sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct SendTimes {
    /// Between two pieces that the client takes.
    pub(super) idle: Duration,
    /// For all of it.
    pub(super) whole: Duration,
}

/// The stream of a connection.
///
/// **Sending.** A client that does not read keeps its answer in our memory. When none of it was taken for `idle`, or all of it
/// was not within `whole`, writing fails and the connection ends.
///
/// **A client that has closed its sending half** after a whole request may still want the answer (`shutdown(SHUT_WR)`), or may
/// be gone (`close`): TCP says the same for both. So the end of its bytes is kept back, and an interim answer is sent that every
/// client of HTTP/1.1 passes over. A socket that is gone answers it with a reset; then the end is reported, and the work stops.
pub(super) struct PacedStream {
    stream: TcpStream,
    presence: Arc<Presence>,
    times: SendTimes,
    stalled: Option<Pin<Box<Sleep>>>,
    sending_since: Option<Instant>,
    half: Option<HalfClosed>,
}

/// The client sends no more.
struct HalfClosed {
    since: Instant,
    timer: Pin<Box<Sleep>>,
    pause: Duration,
    /// It was sent what a socket that is gone objects to.
    asked: bool,
}

/// How often to look whether a client that sends no more is gone: soon at first.
const POLL: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(100));

/// How long the handler may take to see the last byte of a body that has arrived. When it still waits for more then, the client has
/// closed in the middle.
const ARRIVAL: Duration = Duration::from_secs(2);

/// Passed over by every client of HTTP/1.1 (RFC 9110, 15.2).
const INTERIM: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

impl PacedStream {
    pub(super) fn new(stream: TcpStream, presence: Arc<Presence>, times: SendTimes) -> Self {
        Self { stream, presence, times, stalled: None, sending_since: None, half: None }
    }

    /// Holds what a write came to against the clock.
    fn paced(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        let since = *self.sending_since.get_or_insert_with(Instant::now);
        let left = self.times.whole.saturating_sub(since.elapsed());
        if left.is_zero() {
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the answer was not taken in time")));
        }
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let patience = self.times.idle.min(left);
        let timer = self.stalled.get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(timer.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "no byte of the answer was taken")))
    }

    /// After the client's last byte: ready with the end once there is nothing left to do for it.
    fn ended(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            if !self.presence.is_busy() || self.stream.take_error()?.is_some() || self.ask().is_err() {
                return Poll::Ready(Ok(()));
            }
            let Some(half) = &mut self.half else { return Poll::Ready(Ok(())) };
            if self.presence.is_arriving() && half.since.elapsed() >= ARRIVAL {
                return Poll::Ready(Ok(()));
            }
            ready!(half.timer.as_mut().poll(cx));
            half.timer = Box::pin(sleep(half.pause));
            half.pause = (half.pause * 2).min(POLL.1);
        }
    }

    /// Sends, before anything of the answer, what only a socket that is gone objects to.
    fn ask(&mut self) -> io::Result<()> {
        let Some(half) = &mut self.half else { return Ok(()) };
        if half.asked || !self.presence.understands_interim() || !self.presence.is_waited_for() {
            return Ok(());
        }
        match self.stream.try_write(INTERIM) {
            Ok(written) if written == INTERIM.len() => half.asked = true,
            Ok(_) => return Err(io::ErrorKind::WriteZero.into()),
            // Asked again a little later.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

impl AsyncRead for PacedStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.half.is_some() {
            return this.ended(cx);
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(cx, buf))?;
        let at_end = buf.filled().len() == before && buf.remaining() > 0;
        if !at_end || !this.presence.is_busy() {
            return Poll::Ready(Ok(()));
        }
        let timer = Box::pin(sleep(POLL.0));
        this.half = Some(HalfClosed { since: Instant::now(), timer, pause: POLL.0, asked: false });
        this.ended(cx)
    }
}

impl AsyncWrite for PacedStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(cx, buf);
        this.paced(cx, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(cx, bufs);
        this.paced(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// Called when all that was to be written has been.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(Pin::new(&mut this.stream).poll_flush(cx))?;
        this.sending_since = None;
        this.presence.flushed();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
