//! Shared access signatures (Azure Storage documentation, "Create an account SAS", "Create a service SAS", "Create a user
//! delegation SAS"). Their fields can be read, so most refusals are known before any request.

use std::net::IpAddr;

use zeroize::Zeroizing;

use crate::format::Timestamp;
use crate::http::bounded;
use crate::storage::near::setup;
use crate::storage::percent::decoded;
use crate::storage::{Permission, Refusal, StorageError};

/// A token. It has no `Debug`.
pub(super) struct SasToken {
    /// The query as it is appended to URLs.
    query: Zeroizing<String>,
    starts: Option<Timestamp>,
    ends: Option<Timestamp>,
    /// The letters of the permissions; `None` if a stored policy has them.
    permissions: Option<String>,
    /// The letters of the services and resource types of an account SAS.
    services: Option<String>,
    resource_types: Option<String>,
    /// What a service SAS is for: `c` a container, `b` a blob, `d` a folder.
    resource: Option<String>,
    https_only: bool,
    /// The addresses that may use the token. Only the service knows from where it sees this machine.
    addresses: Option<String>,
}

/// Where a token comes from, for messages.
pub(super) const WHAT: &str = "the SAS token";

impl SasToken {
    /// Reads a token. People paste it with a question mark before it, or with the URL.
    ///
    /// # Errors
    /// [`StorageError::Setup`] if it is no token. The text shows nothing of it.
    pub(super) fn parse(text: &str) -> Result<SasToken, StorageError> {
        let text = text.trim().trim_matches('"');
        let query = text.rsplit('?').next().unwrap_or_default().trim_start_matches('&');
        if query.is_empty() || !query.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') {
            return Err(setup(WHAT, "it is empty, or has spaces or other characters that no token has"));
        }
        let field = |name: &str| -> Result<Option<String>, StorageError> {
            let mut values = query.split('&').filter_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
            let Some(value) = values.next() else { return Ok(None) };
            if values.next().is_some() {
                return Err(setup(WHAT, &format!("it has {name} twice")));
            }
            let value = decoded(value, false)
                .ok_or_else(|| setup(WHAT, &format!("{name} is not percent-encoded")))?;
            Ok(Some(value).filter(|value| !value.is_empty()))
        };
        for name in ["sv", "sig"] {
            if field(name)?.is_none() {
                let problem = format!("it has no {name}; expected text such as sv=…&se=…&sp=…&sig=…");
                return Err(setup(WHAT, &problem));
            }
        }
        // Messages show these fields. Without its ampersand, a field goes on with the signature.
        let shown = |name: &str, what: &str, is_allowed: fn(char) -> bool| match field(name)? {
            Some(value) if !value.chars().all(is_allowed) => {
                Err(setup(WHAT, &format!("{name} has characters other than {what}")))
            }
            value => Ok(value),
        };
        let letters = |name: &str| shown(name, "letters", |c| c.is_ascii_alphabetic());
        let addresses =
            shown("sip", "those of addresses", |c| c.is_ascii_hexdigit() || matches!(c, '.' | ':' | '-'))?;
        let time = |name: &str| -> Result<Option<Timestamp>, StorageError> {
            let Some(text) = field(name)? else { return Ok(None) };
            let problem = || setup(WHAT, &format!("{name} is not a time"));
            time(&text).map(Some).ok_or_else(problem)
        };
        Ok(SasToken {
            starts: time("st")?,
            ends: time("se")?,
            permissions: letters("sp")?,
            services: letters("ss")?,
            resource_types: letters("srt")?,
            resource: letters("sr")?,
            https_only: field("spr")?.is_some_and(|protocols| protocols == "https"),
            addresses,
            query: Zeroizing::new(query.to_owned()),
        })
    }

    /// The query that is appended to URLs.
    pub(super) fn query(&self) -> &str {
        &self.query
    }

    /// When the token ends and what it permits, for a status page. Shows no secret.
    pub(super) fn summary(&self) -> String {
        let ends = match self.ends {
            Some(ends) => format!("a SAS token that ends at {ends}"),
            None => "a SAS token with a stored policy".to_owned(),
        };
        let permits = self
            .permissions
            .as_ref()
            .map_or_else(String::new, |letters| format!(", sp={}", bounded(letters)));
        let addresses = self
            .addresses
            .as_ref()
            .map_or_else(String::new, |text| format!(", for the addresses {}", bounded(text)));
        format!("{ends}{permits}{addresses}")
    }

    /// Whether only some addresses may use the token.
    pub(super) fn has_addresses(&self) -> bool {
        self.addresses.is_some()
    }

    /// Says in words that `own`, from which this machine sends, is not among the addresses of the token; `None` if it is, or
    /// if the addresses cannot be read.
    pub(super) fn address_doubt(&self, own: IpAddr) -> Option<String> {
        let text = self.addresses.as_deref()?;
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let (first, last): (IpAddr, IpAddr) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        let is_comparable = first.is_ipv4() == own.is_ipv4() && last.is_ipv4() == own.is_ipv4();
        if is_comparable && (first..=last).contains(&own) {
            return None;
        }
        Some(format!(
            "the token is for the addresses {}, and this machine sends from {own}; behind a NAT or a proxy that may be right",
            bounded(text)
        ))
    }

    /// Removes the signature and all that follows from a text of the service.
    pub(super) fn without_signature<'a>(&self, text: &'a str) -> &'a str {
        let signature = self.query.split('&').find_map(|pair| pair.strip_prefix("sig=")).unwrap_or_default();
        let plain = Zeroizing::new(decoded(signature, false).unwrap_or_default());
        let ends = [signature, plain.as_str()].map(|secret| text.find(secret).filter(|_| !secret.is_empty()));
        &text[..ends.into_iter().flatten().min().unwrap_or(text.len())]
    }

    /// Checks whether the token can do all of this.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub(super) fn check(
        &self,
        needed: &[Permission],
        now: Timestamp,
        is_https: bool,
    ) -> Result<(), (Refusal, String)> {
        if let Some(ends) = self.ends.filter(|&ends| ends <= now) {
            return Err((Refusal::Expired, format!("ended at {ends}; this clock says {now}")));
        }
        if let Some(starts) = self.starts.filter(|&starts| starts > now) {
            return Err((
                Refusal::NotYetValid,
                format!("is not valid before {starts}; this clock says {now}"),
            ));
        }
        if self.https_only && !is_https {
            return Err((
                Refusal::HttpsOnly,
                "permits HTTPS only (spr=https), but the address is http://".to_owned(),
            ));
        }
        if let Some(services) = self.services.as_ref().filter(|services| !services.contains('b')) {
            return Err((
                Refusal::Scope,
                format!("is for other services (ss={services}), not for b, the Blob service"),
            ));
        }
        match self.resource.as_deref() {
            None | Some("c" | "d") => {}
            Some("b") => {
                return Err((Refusal::Scope, "is for a single blob (sr=b), not for a container".to_owned()));
            }
            Some(other) => {
                let problem = format!("is for something other than a container (sr={})", bounded(other));
                return Err((Refusal::Scope, problem));
            }
        }
        if let Some(types) = &self.resource_types {
            let wanted = |permission: &Permission| if *permission == Permission::List { 'c' } else { 'o' };
            if let Some((letter, permission)) = needed
                .iter()
                .map(|permission| (wanted(permission), permission))
                .find(|(letter, _)| !types.contains(*letter))
            {
                let word = if letter == 'c' { "container" } else { "object" };
                let problem = format!(
                    "lacks the resource type {letter} ({word}), which is needed to {permission}; it has srt={types}"
                );
                return Err((Refusal::Scope, problem));
            }
        }
        let Some(permissions) = &self.permissions else { return Ok(()) };
        let has = |permission: &Permission| match permission {
            Permission::List => permissions.contains('l'),
            Permission::Read => permissions.contains('r'),
            Permission::Write => permissions.contains(['w', 'c']),
            Permission::Replace => permissions.contains('w'),
            Permission::Delete => permissions.contains('d'),
        };
        let missing: Vec<&Permission> = needed.iter().filter(|permission| !has(permission)).collect();
        let Some(&&first) = missing.first() else { return Ok(()) };
        let letter = |permission: &&Permission| match permission {
            Permission::List => "l (list)",
            Permission::Read => "r (read)",
            Permission::Write => "w (write) or c (create)",
            Permission::Replace => "w (write), without which c (create) does not replace a blob",
            Permission::Delete => "d (delete)",
        };
        let missing: Vec<&str> = missing.iter().map(letter).collect();
        let problem = format!("lacks the permission {}; it has sp={permissions}", missing.join(" and "));
        Err((Refusal::Permission(first), problem))
    }
}

/// Reads a time in one of the forms that tokens use: a date, or one with minutes, seconds, or fractions of a second.
fn time(text: &str) -> Option<Timestamp> {
    let text = text.strip_suffix("+00:00").unwrap_or(text);
    let whole = text.split(['.', 'Z']).next()?;
    let whole = match whole.len() {
        10 => format!("{whole}T00:00:00Z"),
        16 => format!("{whole}:00Z"),
        _ => format!("{whole}Z"),
    };
    whole.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-11-26T12:00:00Z";

    fn check(token: &str, needed: &[Permission], is_https: bool) -> Result<(), (Refusal, String)> {
        let token = format!("sv=2021-12-02&sig=s3cr3t%3D&{token}");
        SasToken::parse(&token).map_err(|error| error.to_string()).unwrap().check(
            needed,
            NOW.parse().unwrap(),
            is_https,
        )
    }

    #[test]
    fn each_field_is_judged() {
        use Permission::{Delete, List, Read, Replace, Write};
        for (token, needed, is_https, refusal, words) in [
            (
                "se=2026-11-25&sp=rl",
                &[Read][..],
                true,
                Refusal::Expired,
                "ended at 2026-11-25T00:00:00Z; this clock says 2026-11-26T12:00:00Z",
            ),
            (
                "st=2026-11-27T00%3A00Z&se=2027-01-01&sp=rl",
                &[Read],
                true,
                Refusal::NotYetValid,
                "not valid before 2026-11-27T00:00:00Z",
            ),
            (
                "se=2027-01-01T00%3A00%3A00.0000000Z&sp=rl&spr=https",
                &[Read],
                false,
                Refusal::HttpsOnly,
                "spr=https",
            ),
            ("sp=rl&ss=fqt&srt=sco", &[Read], true, Refusal::Scope, "ss=fqt"),
            ("sp=rl&sr=b", &[Read], true, Refusal::Scope, "sr=b"),
            ("sp=rl&sr=bs", &[Read], true, Refusal::Scope, "sr=bs"),
            (
                "sp=rl&ss=b&srt=so",
                &[Read, List],
                true,
                Refusal::Scope,
                "lacks the resource type c (container), which is needed to list",
            ),
            (
                "sp=rl&ss=b&srt=sc",
                &[Read, List],
                true,
                Refusal::Scope,
                "lacks the resource type o (object), which is needed to read",
            ),
            (
                "sp=r",
                &[List, Read, Delete],
                true,
                Refusal::Permission(List),
                "lacks the permission l (list) and d (delete); it has sp=r",
            ),
            (
                "sp=rcl",
                &[List, Write, Replace],
                true,
                Refusal::Permission(Replace),
                "w (write), without which",
            ),
            ("sp=rl", &[List, Write], true, Refusal::Permission(Write), "w (write) or c (create)"),
            ("sp=wl", &[Read], true, Refusal::Permission(Read), "r (read)"),
            ("sp=rlaw", &[Delete], true, Refusal::Permission(Delete), "d (delete)"),
        ] {
            let (found, problem) = check(token, needed, is_https).unwrap_err();
            assert_eq!(found, refusal, "{token}");
            assert!(problem.contains(words), "{token}: {problem}");
            assert!(!problem.contains("s3cr3t"));
        }
        for token in [
            "se=2027-01-01&sp=rwdlac&sr=c",
            "se=2027-01-01&sp=rwdl&ss=b&srt=sco&spr=https",
            "si=stored-policy&sr=c",
            "sp=rlcd&sr=d&sdd=2&spr=https,http",
        ] {
            assert_eq!(check(token, &[List, Read, Write, Delete], true), Ok(()), "{token}");
        }
    }

    #[test]
    fn addresses_outside_the_range_are_doubted_only() {
        let doubt = |range: &str, own: &str| {
            let token = SasToken::parse(&format!("sv=1&sig=a&sp=rl&sip={range}"));
            token.map_err(|error| error.to_string()).unwrap().address_doubt(own.parse().unwrap())
        };
        for (range, own) in
            [("192.0.2.1-192.0.2.9", "192.0.2.9"), ("192.0.2.1", "192.0.2.1"), ("::-", "192.0.2.1")]
        {
            assert_eq!(doubt(range, own), None, "{range} {own}");
        }
        for (range, own) in [
            ("192.0.2.1-192.0.2.9", "192.0.2.10"),
            ("192.0.2.2", "192.0.2.1"),
            ("192.0.2.1-192.0.2.9", "2001:db8::1"),
        ] {
            let text = doubt(range, own).unwrap();
            assert!(text.contains(range) && text.contains(own) && text.contains("NAT"), "{text}");
        }
    }

    #[test]
    fn summaries_and_texts_show_no_signature() {
        let text = "sv=1&sig=s3cr3t%3D&se=2027-01-01&sp=rl&sip=192.0.2.1-192.0.2.9";
        let token = SasToken::parse(text).map_err(|error| error.to_string()).unwrap();
        let summary =
            "a SAS token that ends at 2027-01-01T00:00:00Z, sp=rl, for the addresses 192.0.2.1-192.0.2.9";
        assert_eq!(token.summary(), summary);
        assert_eq!(token.without_signature("a s3cr3t= b"), "a ");
        assert_eq!(token.without_signature("a s3cr3t%3D b"), "a ");
        assert_eq!(token.without_signature("a b"), "a b");
    }

    #[test]
    fn tokens_are_taken_as_they_are_pasted() {
        for text in
            ["sv=1&sig=a", "?sv=1&sig=a", " ?sv=1&sig=a\n", "https://a.b.c/d?sv=1&sig=a", "\"sv=1&sig=a\""]
        {
            assert_eq!(
                SasToken::parse(text).map_err(|error| error.to_string()).unwrap().query(),
                "sv=1&sig=a"
            );
        }
        for text in [
            "",
            "?",
            "sig=a",
            "sv=1",
            "sv=1&sig=",
            "sv=1&sig=a b",
            "sv=1&sig=%zz",
            "sv=1&sig=a&se=soon",
            "sv=1&sig=a&sp=r&sp=l",
            "sv=1&sig=a&sp=rsig=s3cr3t",
            "sv=1&sig=a&ss=bsig=s3cr3t",
            "sv=1&sig=a&srt=sig%3Ds3cr3t",
            "sv=1&sig=a&sr=csig=s3cr3t",
            "sv=1&sig=a&sip=192.0.2.1sig=s3cr3t",
        ] {
            let Err(error) = SasToken::parse(text) else { panic!("{text}") };
            assert!(error.to_string().starts_with("cannot use the SAS token"), "{error}");
            assert!(!error.to_string().contains("s3cr3t"), "{error}");
        }
    }
}
