//! Numbers of bytes, as people read them.

use std::fmt;

/// A number of bytes with a binary prefix: `512 B`, `1.50 KiB`.
pub(crate) struct HumanBytes(pub(crate) u64);

const PREFIXES: [&str; 6] = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];

impl fmt::Display for HumanBytes {
    #[expect(clippy::cast_precision_loss, reason = "two decimals are shown")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < 1024 {
            return write!(f, "{} B", self.0);
        }
        let mut number = self.0 as f64 / 1024.0;
        let mut prefix = 0;
        while number >= 1024.0 {
            number /= 1024.0;
            prefix += 1;
        }
        write!(f, "{number:.2} {}B", PREFIXES[prefix])
    }
}

#[cfg(test)]
mod tests {
    use super::HumanBytes;

    /// The bars of indicatif show numbers of bytes, too.
    #[test]
    fn numbers_look_as_in_a_progress_bar() {
        for bytes in [0, 1, 1023, 1024, 1536, 1_048_575, 1 << 20, 5_000_000_000, 1 << 45, u64::MAX] {
            assert_eq!(HumanBytes(bytes).to_string(), indicatif::HumanBytes(bytes).to_string());
        }
    }
}
