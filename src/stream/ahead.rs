//! Reads ahead on a separate thread, so that workers do not wait for the network.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::thread;

/// Bytes in one block.
const BLOCK_BYTES: usize = 256 << 10;

/// Blocks in the queue. With the one being filled and the one being read, a reader has four.
const BLOCKS_WAITING: usize = 2;

/// A reader that never blocks: if no data is available yet, it returns [`io::ErrorKind::WouldBlock`].
///
/// If it is dropped early, its thread ends after the next block.
pub struct Ahead {
    blocks: Receiver<io::Result<Vec<u8>>>,
    block: Vec<u8>,
    taken: usize,
}

impl Ahead {
    /// Starts to read.
    ///
    /// # Errors
    /// If the system cannot create a thread.
    pub fn of(mut reader: Box<dyn Read + Send>) -> io::Result<Ahead> {
        let (sender, blocks) = sync_channel(BLOCKS_WAITING);
        thread::Builder::new().name("reader".to_owned()).spawn(move || {
            loop {
                let mut block = Vec::with_capacity(BLOCK_BYTES);
                let (ends, read) = match reader.by_ref().take(BLOCK_BYTES as u64).read_to_end(&mut block) {
                    Ok(read) => (read == 0, Ok(block)),
                    Err(error) => (true, Err(error)),
                };
                // The receiver is gone: the work was abandoned.
                if sender.send(read).is_err() || ends {
                    return;
                }
            }
        })?;
        Ok(Ahead { blocks, block: Vec::new(), taken: 0 })
    }
}

impl Read for Ahead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.block.len() {
            self.block = match self.blocks.try_recv() {
                Ok(block) => block?,
                Err(TryRecvError::Empty) => return Err(io::ErrorKind::WouldBlock.into()),
                // The end was reported before.
                Err(TryRecvError::Disconnected) => Vec::new(),
            };
            self.taken = 0;
        }
        let length = buffer.len().min(self.block.len() - self.taken);
        buffer[..length].copy_from_slice(&self.block[self.taken..self.taken + length]);
        self.taken += length;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(mut ahead: Ahead) -> io::Result<Vec<u8>> {
        let mut all = Vec::new();
        let mut buffer = [0; 1000];
        loop {
            match ahead.read(&mut buffer) {
                Ok(0) => return Ok(all),
                Ok(read) => all.extend_from_slice(&buffer[..read]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::yield_now(),
                Err(error) => return Err(error),
            }
        }
    }

    #[test]
    fn returns_all_bytes_and_then_ends() {
        let bytes: Vec<u8> = (0..2_000_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        for length in [0, 1, BLOCK_BYTES, bytes.len()] {
            let reader = io::Cursor::new(bytes[..length].to_vec());
            assert!(read_all(Ahead::of(Box::new(reader)).unwrap()).unwrap() == bytes[..length]);
        }
    }

    #[test]
    fn passes_errors_on() {
        struct Failing;
        impl Read for Failing {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("broken"))
            }
        }
        assert_eq!(read_all(Ahead::of(Box::new(Failing)).unwrap()).unwrap_err().to_string(), "broken");
    }
}
