//! A stream of lines none of which may be longer than a bound: one that is breaks the stream, so that a server that
//! never ends its line costs a connection and no memory, and its callers learn of it at once.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};
use tokio::io::{AsyncRead, ReadBuf};

/// A reader that fails where a line is too long.
pub(crate) struct BoundedLines<R> {
    inner: R,
    most: usize,
    /// The length of the line that is being read.
    length: usize,
}

impl<R> BoundedLines<R> {
    /// Lines of at most so many bytes.
    pub(crate) fn new(inner: R, most: usize) -> Self {
        Self {
            inner,
            most,
            length: 0,
        }
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for BoundedLines<R> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.inner).poll_read(context, buffer))?;
        let mut is_too_long = false;
        for piece in buffer.filled()[before..].split_inclusive(|byte| *byte == b'\n') {
            this.length += piece.len();
            is_too_long |= this.length > this.most;
            if piece.ends_with(b"\n") {
                this.length = 0;
            }
        }
        if is_too_long {
            // A read that fails has read nothing.
            buffer.set_filled(before);
            let problem = format!("a message is longer than {} bytes", this.most);
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, problem)));
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt;

    async fn read(text: &str, most: usize) -> io::Result<String> {
        let mut read = String::new();
        BoundedLines::new(text.as_bytes(), most)
            .read_to_string(&mut read)
            .await
            .map(|_| read)
    }

    #[tokio::test]
    async fn lines_up_to_the_bound_pass_and_longer_ones_break_the_stream() {
        for text in ["", "abc\n", "abc\nabc\nabc", "\n\n\n\n\n\n"] {
            assert_eq!(read(text, 4).await.unwrap(), text);
        }
        for text in ["abcd\n", "a\nabcde", "abcdefgh"] {
            assert!(read(text, 4).await.is_err(), "{text}");
        }
    }

    #[tokio::test]
    async fn a_line_that_comes_in_pieces_is_one_line() {
        let (mut writer, reader) = tokio::io::duplex(2);
        let mut lines = BoundedLines::new(reader, 8);
        let writing = tokio::spawn(async move { writer.write_all(b"0123\n0123456789").await });
        let mut read = Vec::new();
        assert!(lines.read_to_end(&mut read).await.is_err());
        assert!(read.starts_with(b"0123\n0123"), "{read:?}");
        drop(lines);
        assert!(writing.await.unwrap().is_err(), "nobody reads on");
    }

    use tokio::io::AsyncWriteExt;
}
