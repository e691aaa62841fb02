//! The pages of a database: those of the file, under those of its log.

use super::wal::{Log, log};

const MAGIC: &[u8] = b"SQLite format 3\0";

/// The least bytes of a page that can be used (file format, "Reserved bytes per page").
const USABLE_BYTES_MIN: usize = 480;

/// The pages of a database.
pub(super) struct Pages<'a> {
    file: &'a [u8],
    log: Log<'a>,
    page_bytes: usize,
    /// The bytes of a page without those at its end that extensions use.
    pub(super) usable_bytes: usize,
}

impl<'a> Pages<'a> {
    /// Reads the head of the file, and the log. `tell` takes a sentence if the log cannot be used.
    ///
    /// # Errors
    /// A sentence if neither can be read.
    pub(super) fn open(
        file: &'a [u8],
        log_bytes: Option<&'a [u8]>,
        tell: &mut dyn FnMut(String),
    ) -> Result<Pages<'a>, String> {
        if file.is_empty() {
            return Err("the database is empty".to_owned()); // SQLite passes over its log, too.
        }
        if !file.starts_with(MAGIC) {
            return Err("the file is not a database of SQLite".to_owned());
        }
        let page_bytes = match file.get(16..18) {
            Some([0, 1]) => 65_536,
            Some(&[high, low]) => usize::from(u16::from_be_bytes([high, low])),
            _ => 0,
        };
        if page_bytes < 512 || !page_bytes.is_power_of_two() {
            return Err(format!("the database states pages of {page_bytes} bytes, which there are not"));
        }
        let log = log_bytes.map_or_else(|| Ok(Log::default()), log).unwrap_or_else(|why| {
            tell(format!("the write-ahead log {why}: what is only in it is not seen"));
            Log::default()
        });
        let log = if log.page_bytes == page_bytes || log.page_bytes == 0 {
            log
        } else {
            tell(format!(
                "the write-ahead log has pages of {} bytes, and the database of {page_bytes}: it is not used",
                log.page_bytes
            ));
            Log::default()
        };
        let mut pages = Pages { file, log, page_bytes, usable_bytes: page_bytes };
        let head = pages.page(1).ok_or("the database has no whole page")?;
        pages.usable_bytes = page_bytes - usize::from(*head.get(20).unwrap_or(&0));
        if pages.usable_bytes < USABLE_BYTES_MIN {
            return Err(format!(
                "the database uses {} bytes of a page, which is too few",
                pages.usable_bytes
            ));
        }
        // Names of tables are read byte by byte.
        if let Some([0, 0, 0, 2 | 3]) = head.get(56..60) {
            return Err("the database has texts in UTF-16, which rpm does not write".to_owned());
        }
        Ok(pages)
    }

    /// Returns a page. The first has the number 1.
    pub(super) fn page(&self, number: u32) -> Option<&'a [u8]> {
        if let Some(page) = self.log.pages.get(&number) {
            return Some(page);
        }
        let start = usize::try_from(number.checked_sub(1)?).ok()?.checked_mul(self.page_bytes)?;
        self.file.get(start..start.checked_add(self.page_bytes)?)
    }

    /// The bytes of all pages together: no value is longer.
    pub(super) fn bytes(&self) -> usize {
        self.file.len() + self.log.pages.len() * self.page_bytes
    }
}
