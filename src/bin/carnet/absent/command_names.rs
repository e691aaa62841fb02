//! Which commands the program that only verifies has.

/// Whether this program has a command.
pub(crate) fn has(name: &str) -> bool {
    ["verify", "missing", "inspect", "unpack", "sums"].contains(&name)
}
