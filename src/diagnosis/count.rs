//! Counts in messages.

/// Formats a count with the singular or the plural: `1 chunk`, `2 chunks`.
pub fn count(number: u64, one: &str, many: &str) -> String {
    let word = if number == 1 { one } else { many };
    format!("{number} {word}")
}

#[cfg(test)]
mod tests {
    use super::count;

    #[test]
    fn one_is_singular_and_zero_is_plural() {
        let counted = [0, 1, 2].map(|number| count(number, "chunk", "chunks"));
        assert_eq!(counted, ["0 chunks", "1 chunk", "2 chunks"]);
    }
}
