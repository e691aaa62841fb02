//! How a key in a token is named (RFC 7512): `pkcs11:token=carnet;object=station`.

use std::fmt;
use std::path::{Path, PathBuf};

/// How such a name begins.
pub(in crate::trust) const SCHEME: &str = "pkcs11:";

/// Maximum length of such a name, in bytes.
const URI_BYTES_MAX: usize = 4096;

/// The attributes that are known, for the error.
const KNOWN: &str =
    "token, serial, manufacturer, model, slot-id, object, id, type, module-path, module-name, pin-source";

/// The name of a key in a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenUri {
    text: String,
    /// Which token it is in.
    pub token: WantedToken,
    /// Which key of the token it is.
    pub key: WantedKey,
    /// The module that reaches the token.
    pub module: Option<ModuleName>,
    pin_source: Option<PathBuf>,
}

/// What a token must say of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WantedToken {
    /// Its label.
    pub label: Option<String>,
    /// Its serial number.
    pub serial: Option<String>,
    /// Who made it.
    pub manufacturer: Option<String>,
    /// Its model.
    pub model: Option<String>,
    /// The number of the slot that it is in.
    pub slot: Option<u64>,
}

/// What a key must say of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WantedKey {
    /// Its label.
    pub label: Option<String>,
    /// Its id.
    pub id: Option<Vec<u8>>,
}

/// How a module is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModuleName {
    /// Its file.
    File(PathBuf),
    /// Its name without `lib` and `.so`, in this folder or in those where systems have modules.
    Named {
        /// The folder; without, those of distributions.
        folder: Option<PathBuf>,
        /// The name.
        name: String,
    },
}

impl TokenUri {
    /// Reads a name that begins with `pkcs11:`.
    ///
    /// # Errors
    /// What is wrong with it. The text does not repeat values, because one may be a PIN.
    pub fn parse(text: &str) -> Result<TokenUri, String> {
        if text.len() > URI_BYTES_MAX {
            return Err(format!("a name of a key has at most {URI_BYTES_MAX} bytes, found {}", text.len()));
        }
        let rest = text.strip_prefix(SCHEME).ok_or_else(|| format!("expected {SCHEME} at the start"))?;
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut uri = TokenUri {
            text: text.to_owned(),
            token: WantedToken::default(),
            key: WantedKey::default(),
            module: None,
            pin_source: None,
        };
        let (mut module_path, mut module_name) = (None, None);
        let mut seen = Vec::new();
        let attributes =
            [(path, ';', false), (query, '&', true)].into_iter().flat_map(|(part, between, is_query)| {
                part.split(between)
                    .filter(|attribute| !attribute.is_empty())
                    .map(move |attribute| (attribute, is_query))
            });
        for (attribute, is_query) in attributes {
            let (name, value) = attribute.split_once('=').ok_or_else(|| {
                "expected attributes of the form NAME=VALUE, with ; between them".to_owned()
            })?;
            if seen.contains(&name) {
                return Err(format!("{} is there twice", shown(name)));
            }
            seen.push(name);
            let in_query = matches!(name, "module-path" | "module-name" | "pin-source" | "pin-value");
            if is_query != in_query || !is_known(name) {
                return Err(place_of(name, is_query));
            }
            let bytes =
                decode(value).ok_or_else(|| format!("{name}: after % there must be two hex digits"))?;
            if bytes.is_empty() {
                return Err(format!("{name} has no value"));
            }
            if name == "id" {
                uri.key.id = Some(bytes);
                continue;
            }
            let value = String::from_utf8(bytes).map_err(|_| format!("{name} is not UTF-8"))?;
            match name {
                "token" => uri.token.label = Some(value),
                "serial" => uri.token.serial = Some(value),
                "manufacturer" => uri.token.manufacturer = Some(value),
                "model" => uri.token.model = Some(value),
                "slot-id" => {
                    let slot = value.parse().map_err(|_| "slot-id: expected a decimal number".to_owned())?;
                    uri.token.slot = Some(slot);
                }
                "object" => uri.key.label = Some(value),
                "type" if value == "private" => {}
                "type" => return Err("type: expected private, because only a private key signs".to_owned()),
                "module-path" => module_path = Some(PathBuf::from(value)),
                "module-name" if value.contains('/') => {
                    return Err(
                        "module-name: expected a name, found a path; use module-path for a path".to_owned()
                    );
                }
                "module-name" => module_name = Some(value),
                "pin-source" => uri.pin_source = Some(pin_source(&value)?),
                // Not pin-value: everybody on this machine can read the arguments of a program.
                _ => {
                    let instead = "name a file with pin-source=file:PATH, or set the variable CARNET_PIN";
                    return Err(format!(
                        "pin-value would show the PIN to all users of this machine: {instead}"
                    ));
                }
            }
        }
        uri.module = match (module_path, module_name) {
            (folder, Some(name)) => Some(ModuleName::Named { folder, name }),
            (Some(file), None) => Some(ModuleName::File(file)),
            (None, None) => None,
        };
        Ok(uri)
    }

    /// The file with the PIN.
    pub fn pin_source(&self) -> Option<&Path> {
        self.pin_source.as_deref()
    }

    /// The same name, with paths relative to `folder`.
    #[must_use]
    pub(in crate::trust) fn below(mut self, folder: &Path) -> TokenUri {
        match &mut self.module {
            // The system looks for a file without a folder in its own folders.
            Some(ModuleName::File(file)) if file.components().count() > 1 => *file = folder.join(&file),
            Some(ModuleName::Named { folder: Some(own), .. }) => *own = folder.join(&own),
            _ => {}
        }
        self.pin_source = self.pin_source.map(|path| folder.join(path));
        self
    }
}

impl fmt::Display for TokenUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for WantedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slot = self.slot.map(|slot| slot.to_string());
        let parts = [
            ("token", &self.label),
            ("serial", &self.serial),
            ("manufacturer", &self.manufacturer),
            ("model", &self.model),
            ("slot-id", &slot),
        ];
        write_parts(f, parts.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))))
    }
}

impl fmt::Display for WantedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let label = self.label.clone().map(|label| ("object", label));
        let id = self.id.as_deref().map(|id| ("id", encode(id)));
        write_parts(f, label.into_iter().chain(id))
    }
}

fn write_parts(
    f: &mut fmt::Formatter<'_>,
    parts: impl Iterator<Item = (&'static str, String)>,
) -> fmt::Result {
    for (at, (name, value)) in parts.enumerate() {
        write!(f, "{}{name}={value}", if at == 0 { "" } else { ";" })?;
    }
    Ok(())
}

/// Bytes as an `id` has them: each with its percent sign.
fn encode(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("%{byte:02x}")).collect()
}

/// A value without percent signs.
fn decode(value: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let [first, after @ ..] = rest {
        if *first == b'%' {
            let digits = after.get(..2).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))?;
            bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    Some(bytes)
}

/// The file that `pin-source` names. A program, which RFC 7512 allows too, is not run.
fn pin_source(value: &str) -> Result<PathBuf, String> {
    let path = match value.strip_prefix("file:") {
        // An authority may stand before the path (RFC 8089); only this machine has files.
        Some(rest) => match rest.strip_prefix("//") {
            Some(rest) => rest.strip_prefix("localhost").unwrap_or(rest),
            None => rest,
        },
        None => value,
    };
    if path.is_empty() || path.starts_with('|') || path.contains("://") {
        return Err("pin-source: expected file:PATH".to_owned());
    }
    Ok(path.into())
}

/// Whether an attribute is one of [`KNOWN`], or the one that is refused with a reason of its own.
fn is_known(name: &str) -> bool {
    KNOWN.split(", ").any(|known| known == name) || name == "pin-value"
}

/// The error for an attribute that is unknown or at the wrong place.
fn place_of(name: &str, is_query: bool) -> String {
    match (is_known(name), is_query) {
        (true, true) => format!("{name} belongs before the ?"),
        (true, false) => format!("{name} belongs after a ?"),
        (false, _) => format!("{} is not known; expected {KNOWN}", shown(name)),
    }
}

/// A name of an attribute for an error: an unknown one can have any length.
fn shown(name: &str) -> String {
    format!("{:?}", name.chars().take(40).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_all_attributes() {
        let uri = TokenUri::parse(
            "pkcs11:token=My%20token;serial=0a1b;manufacturer=SoftHSM%20project;model=v2;slot-id=17;object=a%3Bb;id=%01%fF;\
             type=private?module-path=/opt/m.so&pin-source=file:/run/pin",
        )
        .unwrap();
        let wanted = "token=My token;serial=0a1b;manufacturer=SoftHSM project;model=v2;slot-id=17";
        assert_eq!(uri.token.to_string(), wanted);
        assert_eq!(uri.key.to_string(), "object=a;b;id=%01%ff");
        assert_eq!(uri.module, Some(ModuleName::File("/opt/m.so".into())));
        assert_eq!(uri.pin_source(), Some(Path::new("/run/pin")));
        // The two digits of an id are bytes of their own without percent signs, as RFC 7512 says.
        assert_eq!(TokenUri::parse("pkcs11:id=01").unwrap().key.id, Some(b"01".to_vec()));
        assert_eq!(TokenUri::parse("pkcs11:").unwrap().key, WantedKey::default());
    }

    #[test]
    fn reads_modules_and_files_of_pins() {
        let module = |query: &str| TokenUri::parse(&format!("pkcs11:?{query}")).unwrap().module;
        let named = |folder: Option<&str>, name: &str| {
            Some(ModuleName::Named { folder: folder.map(PathBuf::from), name: name.to_owned() })
        };
        assert_eq!(module("module-name=softhsm2"), named(None, "softhsm2"));
        assert_eq!(module("module-path=/opt&module-name=x"), named(Some("/opt"), "x"));
        assert_eq!(module("module-path=x.so"), Some(ModuleName::File("x.so".into())));
        for (source, path) in [
            ("file:/run/pin", "/run/pin"),
            ("file:///run/pin", "/run/pin"),
            ("file://localhost/run/pin", "/run/pin"),
            ("file:pin", "pin"),
            ("pin", "pin"),
        ] {
            let uri = TokenUri::parse(&format!("pkcs11:?pin-source={source}")).unwrap();
            assert_eq!(uri.pin_source(), Some(Path::new(path)), "{source}");
        }
    }

    #[test]
    fn paths_are_relative_to_a_folder() {
        let below =
            |query: &str| TokenUri::parse(&format!("pkcs11:?{query}")).unwrap().below(Path::new("/etc"));
        assert_eq!(below("pin-source=pin").pin_source(), Some(Path::new("/etc/pin")));
        assert_eq!(below("pin-source=/run/pin").pin_source(), Some(Path::new("/run/pin")));
        assert_eq!(below("module-path=lib/m.so").module, Some(ModuleName::File("/etc/lib/m.so".into())));
        assert_eq!(below("module-path=m.so").module, Some(ModuleName::File("m.so".into())));
    }

    #[test]
    fn refuses_what_is_wrong_and_never_repeats_a_pin() {
        for (text, problem) in [
            ("pkcs11:token", "NAME=VALUE"),
            ("pkcs11:token=", "token has no value"),
            ("pkcs11:token=a;token=b", "\"token\" is there twice"),
            ("pkcs11:token=%4", "two hex digits"),
            ("pkcs11:token=%+1", "two hex digits"),
            ("pkcs11:token=%ff", "token is not UTF-8"),
            ("pkcs11:slot-id=x", "a decimal number"),
            ("pkcs11:type=public", "expected private"),
            ("pkcs11:colour=red", "\"colour\" is not known; expected token,"),
            ("pkcs11:?token=a", "token belongs before the ?"),
            ("pkcs11:pin-source=file:x", "pin-source belongs after a ?"),
            ("pkcs11:?module-name=a/b", "found a path"),
            ("pkcs11:?pin-source=|vault", "expected file:PATH"),
            ("pkcs11:?pin-source=https://vault", "expected file:PATH"),
            ("pkcs11:?pin-source=file:", "expected file:PATH"),
            ("pkcs11:?pin-value=8642", "would show the PIN"),
            ("pkcs11:pin-value=8642", "belongs after a ?"),
            ("ssh-agent:x", "expected pkcs11:"),
        ] {
            let error = TokenUri::parse(text).unwrap_err();
            assert!(error.contains(problem) && !error.contains("8642"), "{text}: {error}");
        }
        assert!(TokenUri::parse(&format!("pkcs11:token={}", "a".repeat(URI_BYTES_MAX))).is_err());
    }
}
