//! A connection's way out: a peer has to take what it is sent, and gets to read its answer before the door shuts.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// How long a peer may go on sending after it was answered for good.
const LINGER: Duration = Duration::from_secs(1);

/// A stream that is given up when its peer takes nothing of what it is sent.
#[derive(Debug)]
pub(super) struct Outgoing<S> {
    stream: S,
    stall: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
    leaving: Option<Pin<Box<Sleep>>>,
}

impl<S> Outgoing<S> {
    /// `stream`, whose peer may take nothing for `stall`.
    pub(super) const fn new(stream: S, stall: Duration) -> Self {
        Self { stream, stall, stalled: None, leaving: None }
    }

    fn unless_stalled<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let stall = self.stall;
        ready!(self.stalled.get_or_insert_with(|| Box::pin(sleep(stall))).as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the peer does not take its answer")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Outgoing<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, into)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Outgoing<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.unless_stalled(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.unless_stalled(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.unless_stalled(cx, flushed)
    }

    /// Ends our side, then reads and forgets what the peer still sends, such as the rest of a body that is too long, until
    /// it ends its own. Closed over unread bytes, a TCP connection is reset, and the answer may be lost on its way.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.leaving.is_none() {
            let ended = Pin::new(&mut self.stream).poll_shutdown(cx);
            ready!(self.unless_stalled(cx, ended))?;
            self.leaving = Some(Box::pin(sleep(LINGER)));
        }
        let mut forgotten = [0; 4096];
        loop {
            let mut into = ReadBuf::new(&mut forgotten);
            match Pin::new(&mut self.stream).poll_read(cx, &mut into) {
                Poll::Ready(Ok(())) if !into.filled().is_empty() => {}
                Poll::Ready(_) => return Poll::Ready(Ok(())),
                Poll::Pending => break,
            }
        }
        self.leaving.as_mut().map_or(Poll::Ready(()), |leaving| leaving.as_mut().poll(cx)).map(Ok)
    }
}
