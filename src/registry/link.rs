//! Parser for `Link` headers, in which a registry names the next page of a list (RFC 8288, section 3).

/// The target of the link to the next page in these headers; `None` if there is no such link.
///
/// # Errors
/// What is wrong with a header. A header that is not understood may have been the link to more entries.
pub(super) fn next<'a>(headers: impl Iterator<Item = &'a str>) -> Result<Option<String>, &'static str> {
    let mut found: Option<String> = None;
    for header in headers {
        for target in next_in(header)? {
            if found.as_deref().is_some_and(|other| other != target) {
                return Err("two different next pages");
            }
            found = Some(target);
        }
    }
    Ok(found)
}

/// The targets of all links in a header with the relation `next`.
fn next_in(header: &str) -> Result<Vec<String>, &'static str> {
    let mut found = Vec::new();
    let mut rest = header.trim_start_matches([' ', '\t', ',']);
    while !rest.is_empty() {
        let after = rest.strip_prefix('<').ok_or("expected '<' before the URL")?;
        let (target, after) = after.split_once('>').ok_or("expected '>' after the URL")?;
        let (relation, after) = parameters(after)?;
        let is_next = |word: &str| word.eq_ignore_ascii_case("next");
        if relation.is_some_and(|words| words.split_ascii_whitespace().any(is_next)) {
            found.push(target.trim().to_owned());
        }
        rest = after.trim_start_matches([' ', '\t', ',']);
    }
    Ok(found)
}

/// Reads the parameters of a link up to the comma after it. Returns the first `rel`, which is the one that counts,
/// and the rest of the header.
fn parameters(mut rest: &str) -> Result<(Option<String>, &str), &'static str> {
    let mut relation = None;
    loop {
        rest = blanks(rest);
        if rest.is_empty() || rest.starts_with(',') {
            return Ok((relation, rest));
        }
        rest = blanks(rest.strip_prefix(';').ok_or("expected ';' or ',' after a link")?);
        let end = rest.find([' ', '\t', '=', ';', ',']).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        rest = blanks(after);
        let Some(after) = rest.strip_prefix('=') else { continue };
        let (value, after) = value(blanks(after))?;
        if name.eq_ignore_ascii_case("rel") && relation.is_none() {
            relation = Some(value);
        }
        rest = after;
    }
}

/// Splits off a value, quoted or not.
fn value(text: &str) -> Result<(String, &str), &'static str> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([' ', '\t', ';', ',']).unwrap_or(text.len());
        return Ok((text[..end].to_owned(), &text[end..]));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Ok((value, &quoted[at + 1..])),
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            other => value.push(other),
        }
    }
    Err("expected '\"' after a quoted value")
}

fn blanks(text: &str) -> &str {
    text.trim_start_matches([' ', '\t'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(headers: &[&str]) -> Result<Option<String>, &'static str> {
        next(headers.iter().copied())
    }

    #[test]
    fn the_next_page_is_found_wherever_it_is() {
        for headers in [
            &["</n>; rel=\"next\""][..],
            &["</n>;rel=next"],
            &["</n>; REL=\"NEXT\""],
            &["</n> ; title=\"a, b; rel=prev\" ; rel = \"next\" ; x"],
            &["</n>; rel=\"last next\""],
            &["</first>; rel=first, </n>; rel=\"next\", </last>; rel=last"],
            &["</first>; rel=\"first\"", "</n>; rel=\"next\""],
            &["</n>; rel=next", "</n>; rel=next"],
            &[", </n>; title=\"\\\"\"; rel=next,"],
        ] {
            assert_eq!(of(headers), Ok(Some("/n".to_owned())), "{headers:?}");
        }
        assert_eq!(of(&["</a,b;c?x=\"1\">; rel=next"]), Ok(Some("/a,b;c?x=\"1\"".to_owned())));
    }

    #[test]
    fn other_links_are_no_next_page() {
        for headers in [
            &[][..],
            &[""],
            &["</n>"],
            &["</n>; rel=prev"],
            &["</next>; rel=\"nextcloud\""],
            &["</n>; rel=prev; rel=next"],
            &["</n>; title=next"],
            &["</n>; anchor=\"next\"; rel=first"],
        ] {
            assert_eq!(of(headers), Ok(None), "{headers:?}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_an_error() {
        for headers in [
            &["/n; rel=next"][..],
            &["</n; rel=next"],
            &["</n>; rel=\"next"],
            &["</n> rel=next"],
            &["</a>; rel=first </n>; rel=next"],
            &["</a>; rel=next, </b>; rel=next"],
            &["</a>; rel=next", "</b>; rel=next"],
        ] {
            assert!(of(headers).is_err(), "{headers:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in "[<>;,=\"\\\\/a-z \t]{0,40}|.{0,40}") {
            let _ = of(&[&text]);
        }

        #[test]
        fn a_link_is_found_among_others(before in "[a-z]{0,9}", target in "/[a-z?=&,;]{0,20}", after in "[a-z]{0,9}") {
            let header = format!("</x>; rel={before}x, <{target}>; {after}=\"a, b\"; rel=\"next\", </y>; rel=prev");
            proptest::prop_assume!(after != "rel" && !after.is_empty() && format!("{before}x") != "next");
            proptest::prop_assert_eq!(of(&[&header]), Ok(Some(target)));
        }
    }
}
