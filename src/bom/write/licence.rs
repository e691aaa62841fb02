//! Which declared licences are SPDX expressions. What is none is written as a text.

/// Identifiers of the SPDX License List that packages declare often, sorted. Another identifier is written as a text, which is
/// right in both formats.
const IDS: &[&str] = &[
    "0BSD",
    "AFL-2.1",
    "AFL-3.0",
    "AGPL-3.0",
    "AGPL-3.0-only",
    "AGPL-3.0-or-later",
    "Apache-1.1",
    "Apache-2.0",
    "Artistic-1.0",
    "Artistic-1.0-Perl",
    "Artistic-2.0",
    "BSD-2-Clause",
    "BSD-2-Clause-Patent",
    "BSD-3-Clause",
    "BSD-3-Clause-Clear",
    "BSD-4-Clause",
    "BSD-Source-Code",
    "BSL-1.0",
    "BlueOak-1.0.0",
    "CC-BY-3.0",
    "CC-BY-4.0",
    "CC-BY-SA-3.0",
    "CC-BY-SA-4.0",
    "CC0-1.0",
    "CDDL-1.0",
    "CDDL-1.1",
    "CPL-1.0",
    "EPL-1.0",
    "EPL-2.0",
    "EUPL-1.1",
    "EUPL-1.2",
    "FTL",
    "GFDL-1.1-or-later",
    "GFDL-1.2-only",
    "GFDL-1.2-or-later",
    "GFDL-1.3-only",
    "GFDL-1.3-or-later",
    "GPL-1.0-only",
    "GPL-1.0-or-later",
    "GPL-2.0",
    "GPL-2.0+",
    "GPL-2.0-only",
    "GPL-2.0-or-later",
    "GPL-3.0",
    "GPL-3.0+",
    "GPL-3.0-only",
    "GPL-3.0-or-later",
    "HPND",
    "ICU",
    "IJG",
    "ISC",
    "LGPL-2.0-only",
    "LGPL-2.0-or-later",
    "LGPL-2.1",
    "LGPL-2.1+",
    "LGPL-2.1-only",
    "LGPL-2.1-or-later",
    "LGPL-3.0",
    "LGPL-3.0+",
    "LGPL-3.0-only",
    "LGPL-3.0-or-later",
    "Libpng",
    "MIT",
    "MIT-0",
    "MIT-CMU",
    "MPL-1.0",
    "MPL-1.1",
    "MPL-2.0",
    "MS-PL",
    "NCSA",
    "OFL-1.1",
    "OLDAP-2.8",
    "OpenSSL",
    "PHP-3.01",
    "PSF-2.0",
    "PostgreSQL",
    "Python-2.0",
    "Ruby",
    "SSPL-1.0",
    "TCL",
    "UPL-1.0",
    "Unicode-3.0",
    "Unicode-DFS-2016",
    "Unlicense",
    "Vim",
    "W3C",
    "WTFPL",
    "X11",
    "ZPL-2.1",
    "Zlib",
    "bzip2-1.0.6",
    "curl",
    "libtiff",
    "zlib-acknowledgement",
];

/// Exceptions of the SPDX License List that follow `WITH`, sorted.
const EXCEPTIONS: &[&str] = &[
    "Autoconf-exception-3.0",
    "Bison-exception-2.2",
    "Classpath-exception-2.0",
    "Font-exception-2.0",
    "GCC-exception-2.0",
    "GCC-exception-3.1",
    "LLVM-exception",
    "Libtool-exception",
    "Linux-syscall-note",
    "OpenJDK-assembly-exception-1.0",
];

/// Parts of an expression that are looked at. What is longer is a text.
const PARTS_MAX: usize = 64;

/// Whether a text is one identifier that both formats know.
pub(super) fn is_id(text: &str) -> bool {
    IDS.binary_search(&text).is_ok()
}

/// Whether a text is an expression of known identifiers (SPDX 2.3, annex D): these, `AND`, `OR`, `WITH` and brackets.
pub(super) fn is_expression(text: &str) -> bool {
    let spaced = text.replace('(', " ( ").replace(')', " ) ");
    let mut parts = spaced.split_ascii_whitespace();
    // What may come next: a licence or an opening bracket, or else an operator or a closing bracket.
    let (mut wants_licence, mut after_id, mut open) = (true, false, 0_usize);
    for _ in 0..PARTS_MAX {
        let Some(part) = parts.next() else { return !wants_licence && open == 0 };
        let was_after_id = std::mem::take(&mut after_id);
        match part {
            "(" if wants_licence => open += 1,
            ")" if !wants_licence && open > 0 => open -= 1,
            "AND" | "OR" if !wants_licence => wants_licence = true,
            "WITH" if was_after_id => {
                if parts.next().is_none_or(|name| EXCEPTIONS.binary_search(&name).is_err()) {
                    return false;
                }
            }
            id if wants_licence && is_id(id) => (wants_licence, after_id) = (false, true),
            _ => return false,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_sorted() {
        assert!(IDS.is_sorted() && EXCEPTIONS.is_sorted());
    }

    #[test]
    fn expressions_are_told_from_texts() {
        for text in [
            "MIT",
            "GPL-2.0-only WITH Classpath-exception-2.0",
            "(MIT OR Apache-2.0) AND BSD-3-Clause",
            "((MIT))",
        ] {
            assert!(is_expression(text), "{text}");
        }
        for text in [
            "",
            "()",
            "MIT OR",
            "AND MIT",
            "MIT Apache-2.0",
            "(MIT",
            "MIT)",
            "MIT WITH MIT",
            "(MIT) WITH LLVM-exception",
            "MIT/Apache-2.0",
            "GPL-2+",
            "NOASSERTION",
            "mit",
            "MIT or Apache-2.0",
        ] {
            assert!(!is_expression(text), "{text}");
        }
        assert!(!is_expression(&vec!["MIT"; 100].join(" AND ")));
    }
}
