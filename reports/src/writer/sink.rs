//! A buffered file that can be taken back to an earlier length, and that remembers why the operating system refused it.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::rc::Rc;

/// Bytes that wait to be written together: Parquet writes its headers byte by byte.
const BUFFERED_MAX: usize = 8 * 1_024;

/// Shared by the Parquet writer that fills it and by the table that may take a part back.
#[derive(Clone)]
pub(super) struct Sink(Rc<RefCell<Inner>>);

struct Inner {
    file: File,
    in_file: u64,
    buffered: Vec<u8>,
    refusal: Option<i32>,
    #[cfg(test)]
    refuses_once: bool,
}

impl Sink {
    pub(super) fn new(file: File) -> Sink {
        Sink(Rc::new(RefCell::new(Inner {
            file,
            in_file: 0,
            buffered: Vec::new(),
            refusal: None,
            #[cfg(test)]
            refuses_once: false,
        })))
    }

    /// The next write is refused as by a full disk; the one after it finds room again.
    #[cfg(test)]
    pub(super) fn refuse_once(&self) {
        self.0.borrow_mut().refuses_once = true;
    }

    /// Bytes taken so far, whether or not they are in the file yet.
    pub(super) fn length(&self) -> u64 {
        let inner = self.0.borrow();
        inner.in_file + inner.buffered.len() as u64
    }

    /// Keeps the first `length` bytes and forgets the rest.
    pub(super) fn cut(&self, length: u64) -> io::Result<()> {
        let inner = &mut *self.0.borrow_mut();
        if let Some(buffered) = length.checked_sub(inner.in_file) {
            inner.buffered.truncate(usize::try_from(buffered).unwrap_or(usize::MAX));
            return Ok(());
        }
        inner.buffered.clear();
        inner.file.set_len(length)?;
        inner.file.seek(SeekFrom::Start(length))?;
        inner.in_file = length;
        Ok(())
    }

    /// The operating system's first refusal: Parquet's own errors tell of it only in prose.
    pub(super) fn refusal(&self) -> Option<i32> {
        self.0.borrow().refusal
    }
}

impl Inner {
    fn put(&mut self) -> io::Result<usize> {
        #[cfg(test)]
        if std::mem::take(&mut self.refuses_once) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.file.write(&self.buffered)
    }

    fn write_out(&mut self) -> io::Result<()> {
        while !self.buffered.is_empty() {
            match self.put() {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => {
                    self.in_file += count as u64;
                    self.buffered.drain(..count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.refusal = self.refusal.or(error.raw_os_error());
                    return Err(error);
                }
            }
        }
        Ok(())
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let inner = &mut *self.0.borrow_mut();
        inner.buffered.extend_from_slice(bytes);
        if inner.buffered.len() >= BUFFERED_MAX {
            inner.write_out()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.borrow_mut().write_out()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_is_cut_off_is_gone_whether_or_not_it_was_in_the_file() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("file");
        let mut sink = Sink::new(File::create(&path).expect("created"));
        sink.write_all(b"kept").expect("written");
        sink.write_all(&[b'x'; 3 * BUFFERED_MAX]).expect("written");
        sink.write_all(b"in the buffer").expect("written");
        sink.cut(4).expect("cut in the file");
        sink.write_all(b" and gone").expect("written");
        sink.cut(8).expect("cut in the buffer");
        assert_eq!(sink.length(), 8);
        sink.flush().expect("flushed");
        assert_eq!(fs::read(&path).expect("read"), b"kept and");
    }
}
