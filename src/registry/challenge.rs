//! Parser for `WWW-Authenticate`, the challenge of a registry (RFC 9110, section 11; distribution-spec, token
//! authentication).

/// The authentication that a registry requires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    /// A user name and a password with each request.
    Basic,
    /// A token from a token service.
    Bearer {
        /// The URL of the token service.
        realm: String,
        /// The service that the token is for.
        service: Option<String>,
        /// The scope that the registry requests.
        scope: Option<String>,
        /// Why the registry refused the token that was sent.
        error: Option<String>,
    },
}

impl Challenge {
    /// The preferred challenge in these headers: bearer before basic; `None` if there is neither.
    pub(super) fn best<'a>(headers: impl Iterator<Item = &'a str>) -> Option<Challenge> {
        let all: Vec<Challenge> = headers.flat_map(parse).collect();
        let bearer = all.iter().find(|challenge| matches!(challenge, Challenge::Bearer { .. }));
        bearer.or(all.first()).cloned()
    }
}

/// Parses the challenges in a header. One header may contain several.
fn parse(header: &str) -> Vec<Challenge> {
    let mut found = Vec::new();
    let mut scheme: Option<String> = None;
    let mut parameters: Vec<(String, String)> = Vec::new();
    let mut end = |scheme: &mut Option<String>, parameters: &mut Vec<(String, String)>| {
        let parameters = std::mem::take(parameters);
        let of = |name: &str| {
            parameters.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.clone())
        };
        match scheme.take() {
            Some(word) if word.eq_ignore_ascii_case("basic") => found.push(Challenge::Basic),
            Some(word) if word.eq_ignore_ascii_case("bearer") => {
                if let Some(realm) = of("realm") {
                    let (service, scope, error) = (of("service"), of("scope"), of("error"));
                    found.push(Challenge::Bearer { realm, service, scope, error });
                }
            }
            _ => {}
        }
    };
    let mut rest = header.trim_start_matches([' ', ',']);
    while !rest.is_empty() {
        let word_end = rest.find([' ', '=', ',']).unwrap_or(rest.len());
        let (word, after) = rest.split_at(word_end);
        if let Some(value) = after.trim_start().strip_prefix('=') {
            let (value, after) = split_value(value.trim_start());
            parameters.push((word.to_owned(), value));
            rest = after;
        } else {
            end(&mut scheme, &mut parameters);
            scheme = Some(word.to_owned());
            rest = after;
        }
        rest = rest.trim_start_matches([' ', ',']);
    }
    end(&mut scheme, &mut parameters);
    found
}

/// Splits off a value, quoted or not, and returns the rest of the text too.
fn split_value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ' ']).unwrap_or(text.len());
        return (text[..end].to_owned(), &text[end..]);
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (value, &quoted[at + 1..]),
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            other => value.push(other),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn best(header: &str) -> Option<Challenge> {
        Challenge::best([header].into_iter())
    }

    #[test]
    fn challenges_are_parsed() {
        let scope = "repository:team/app:pull,push";
        let header =
            format!(r#"Bearer realm="https://auth.example/token",service="low.example",scope="{scope}""#);
        let bearer = |service: Option<&str>, scope: Option<&str>, error: Option<&str>| {
            let own = |text: Option<&str>| text.map(str::to_owned);
            let realm = "https://auth.example/token".to_owned();
            Some(Challenge::Bearer { realm, service: own(service), scope: own(scope), error: own(error) })
        };
        assert_eq!(best(&header), bearer(Some("low.example"), Some(scope), None));
        assert_eq!(
            best(r#"Basic realm="x, y", bearer realm=https://auth.example/token, error="invalid_token""#),
            bearer(None, None, Some("invalid_token"))
        );
        assert_eq!(best(r#"Basic realm="Registry \"1\"""#), Some(Challenge::Basic));
        assert_eq!(best("basic"), Some(Challenge::Basic));
        for invalid in [
            "",
            "Negotiate",
            "Bearer",
            "Bearer service=x",
            ",,,",
            "=",
            "Bearer realm",
            "\"",
            "Negotiate =\"\\",
        ] {
            assert_eq!(best(invalid), None, "{invalid}");
        }
    }

    proptest::proptest! {
        #[test]
        fn every_header_is_parsed_to_its_end(header in "(Bearer|Basic|[ ,=\"\\\\a-z])*") {
            parse(&header);
        }

        #[test]
        fn quoted_realms_are_unquoted(realm in "[ -~]*") {
            let quoted = realm.replace('\\', "\\\\").replace('"', "\\\"");
            let found = best(&format!("Bearer service=x, realm=\"{quoted}\", scope=\"a b\""));
            let expected = Challenge::Bearer {
                realm,
                service: Some("x".to_owned()),
                scope: Some("a b".to_owned()),
                error: None,
            };
            proptest::prop_assert_eq!(found, Some(expected));
        }
    }
}
