//! Paths in commands that the operator may copy into a shell.

use std::path::Path;

use super::plain::plain;

/// The path as one word of a shell command, in quotes if it needs them; `None` if it cannot be shown as it is.
pub(crate) fn shell_word(path: &Path) -> Option<String> {
    let text = path.to_str().filter(|text| !text.is_empty() && plain(text) == *text)?;
    let harmless = |c: char| c.is_ascii_alphanumeric() || "/._-+=:@%,".contains(c);
    Some(if text.chars().all(harmless) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_mean_the_path_itself() {
        for (path, word) in [
            ("a/b-1.tar.gz", Some("a/b-1.tar.gz")),
            ("my images.tgz", Some("'my images.tgz'")),
            ("it's.tgz", Some(r"'it'\''s.tgz'")),
            ("$(x)", Some("'$(x)'")),
            ("\x1b[2J", None),
            ("", None),
        ] {
            assert_eq!(shell_word(Path::new(path)).as_deref(), word, "{path}");
        }
    }
}
