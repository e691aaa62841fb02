//! Stanzas of fields, as Debian's and Python's files have them (deb822, RFC 822): `Name: value`, and lines that begin with
//! a space continue the value.

/// The most fields of a stanza. Those of real files have some hundred at most.
const FIELDS_MAX: usize = 10_000;

/// The fields of one stanza, in their order.
#[derive(Debug, Default)]
pub(super) struct Stanza<'a> {
    fields: Vec<(&'a str, String)>,
}

impl Stanza<'_> {
    /// Returns the value of the first field with this name, whatever its case. Lines of a value are separated by `\n`.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// Returns the values of all fields with this name.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let is_it = move |(field, _): &&(&str, String)| field.eq_ignore_ascii_case(name);
        self.fields.iter().filter(is_it).map(|(_, value)| value.as_str())
    }
}

/// Reads stanza after stanza. An empty line ends one. A line that is neither a field nor a continuation is passed over.
pub(super) fn stanzas(text: &str) -> impl Iterator<Item = Stanza<'_>> {
    let mut lines = text.lines();
    std::iter::from_fn(move || {
        let mut stanza = Stanza::default();
        for line in lines.by_ref() {
            if line.trim().is_empty() {
                if stanza.fields.is_empty() {
                    continue;
                }
                return Some(stanza);
            }
            if line.starts_with([' ', '\t']) {
                if let Some((_, value)) = stanza.fields.last_mut() {
                    value.push('\n');
                    value.push_str(line.trim());
                }
            } else if let Some((name, value)) = line.split_once(':').filter(|_| !line.starts_with('#'))
                && stanza.fields.len() < FIELDS_MAX
            {
                stanza.fields.push((name.trim(), value.trim().to_owned()));
            }
        }
        (!stanza.fields.is_empty()).then_some(stanza)
    })
}
