//! A second reader of documents, written from docs/format.md, "Documents", alone. It shares no code with the first one
//! except the hash of inline data.

use carnet::oci::Digest;

/// What a document references, in order: media type, digest and size.
pub(super) type Targets = Vec<(String, String, u64)>;

/// The kinds of documents.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Manifest,
    Index,
    ArtifactManifest,
}

/// A JSON value. Numbers keep their text.
#[derive(Clone)]
enum Json {
    Null,
    Bool,
    Number(String),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

const KNOWN: [&str; 22] = [
    "schemaVersion",
    "mediaType",
    "artifactType",
    "config",
    "layers",
    "manifests",
    "blobs",
    "subject",
    "annotations",
    "digest",
    "size",
    "urls",
    "data",
    "platform",
    "architecture",
    "os",
    "os.version",
    "os.features",
    "variant",
    "features",
    "fsLayers",
    "history",
];

const DEPTH_MAX: usize = 127;

/// Reads a document whose descriptor declares `media_type`. `None`: it is refused.
pub(super) fn read(bytes: &[u8], media_type: &str, kind: Kind) -> Option<Targets> {
    if bytes.len() > 4 << 20 {
        return None;
    }
    let text = std::str::from_utf8(bytes).ok()?;
    let mut reader = Reader { rest: text };
    let value = reader.value(0)?;
    reader.space();
    if !reader.rest.is_empty() || !is_unambiguous(&value, true) {
        return None;
    }
    let Json::Object(fields) = &value else { return None };
    let field = |name: &str| get(fields, name);
    match field("mediaType") {
        None => {}
        Some(Json::Text(inside)) if inside.is_empty() || inside == media_type => {}
        Some(_) => return None,
    }
    match field("schemaVersion") {
        Some(Json::Number(version)) if version == "2" => {}
        Some(Json::Number(version)) if kind == Kind::ArtifactManifest => drop(whole(version)?),
        None if kind == Kind::ArtifactManifest => {}
        _ => return None,
    }
    optional(field("artifactType"), is_media_type)?;
    annotations(field("annotations"))?;
    if field("fsLayers").is_some() || field("history").is_some() {
        return None;
    }
    let (own, foreign): (&[&str], &[&str]) = match kind {
        Kind::Manifest => (&["layers"], &["manifests", "blobs"]),
        Kind::Index => (&["manifests"], &["config", "layers", "blobs"]),
        Kind::ArtifactManifest => (&["blobs"], &["config", "layers", "manifests"]),
    };
    if foreign.iter().any(|name| field(name).is_some()) {
        return None;
    }
    let mut targets = Vec::new();
    if kind == Kind::Manifest {
        targets.push(descriptor(field("config")?)?);
    }
    for name in own {
        match field(name) {
            None => {}
            Some(Json::List(items)) => {
                for item in items {
                    targets.push(descriptor(item)?);
                }
            }
            Some(_) => return None,
        }
    }
    if let Some(subject) = field("subject") {
        targets.push(descriptor(subject)?);
    }
    Some(targets)
}

/// A field; `null` counts as absent.
fn get<'a>(fields: &'a [(String, Json)], name: &str) -> Option<&'a Json> {
    fields
        .iter()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value)
        .filter(|value| !matches!(value, Json::Null))
}

fn optional(value: Option<&Json>, is_right: fn(&str) -> bool) -> Option<()> {
    match value {
        None => Some(()),
        Some(Json::Text(text)) if is_right(text) => Some(()),
        Some(_) => None,
    }
}

fn annotations(value: Option<&Json>) -> Option<()> {
    match value {
        None => Some(()),
        Some(Json::Object(entries)) => {
            entries.iter().all(|(_, value)| matches!(value, Json::Text(_))).then_some(())
        }
        Some(_) => None,
    }
}

fn is_media_type(text: &str) -> bool {
    (1..=255).contains(&text.len()) && text != "-" && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn whole(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

fn descriptor(value: &Json) -> Option<(String, String, u64)> {
    let Json::Object(fields) = value else { return None };
    let field = |name: &str| get(fields, name);
    let (Json::Text(media_type), Json::Text(digest), Json::Number(size)) =
        (field("mediaType")?, field("digest")?, field("size")?)
    else {
        return None;
    };
    let size = whole(size).filter(|&size| i64::try_from(size).is_ok())?;
    let (algorithm, hex) = digest.split_once(':')?;
    let digits = match algorithm {
        "sha256" => 64,
        "sha512" => 128,
        _ => return None,
    };
    let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if !is_media_type(media_type) || hex.len() != digits || !hex.bytes().all(is_hex) {
        return None;
    }
    optional(field("artifactType"), is_media_type)?;
    annotations(field("annotations"))?;
    match field("urls") {
        None => {}
        Some(Json::List(urls)) if urls.iter().all(|url| matches!(url, Json::Text(_))) => {}
        Some(_) => return None,
    }
    match field("platform") {
        None => {}
        Some(Json::Object(platform)) => {
            for name in ["os", "architecture", "variant", "os.version"] {
                optional(get(platform, name), |_| true)?;
            }
        }
        Some(_) => return None,
    }
    match field("data") {
        None => {}
        Some(Json::Text(data)) => {
            let bytes = base64(data)?;
            let hashed = digest.parse::<Digest>().ok()?.same_algorithm(&bytes).to_string();
            if bytes.len() as u64 != size || hashed != *digest {
                return None;
            }
        }
        Some(_) => return None,
    }
    Some((media_type.clone(), digest.clone(), size))
}

/// Decodes base64 as in RFC 4648, section 4: padded, without line breaks, and with zeros in the bits after the end.
fn base64(text: &str) -> Option<Vec<u8>> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bytes = text.as_bytes();
    if !bytes.len().is_multiple_of(4) {
        return None;
    }
    let padding = bytes.iter().rev().take_while(|&&byte| byte == b'=').count();
    if padding > 2 {
        return None;
    }
    let mut decoded = Vec::new();
    let (mut bits, mut held) = (0_u32, 0);
    for byte in &bytes[..bytes.len() - padding] {
        let value = ALPHABET.iter().position(|letter| letter == byte)?;
        bits = bits << 6 | u32::try_from(value).expect("below 64");
        held += 6;
        if held >= 8 {
            held -= 8;
            decoded.push(u8::try_from(bits >> held & 0xff).expect("a byte"));
            bits &= (1 << held) - 1;
        }
    }
    (bits == 0).then_some(decoded)
}

/// Whether no key occurs twice, and none differs from a known one by case only.
fn is_unambiguous(value: &Json, known: bool) -> bool {
    match value {
        Json::List(items) => items.iter().all(|item| is_unambiguous(item, known)),
        Json::Object(entries) => {
            let mut keys: Vec<&str> = entries.iter().map(|(key, _)| key.as_str()).collect();
            keys.sort_unstable();
            keys.windows(2).all(|pair| pair[0] != pair[1])
                && entries.iter().all(|(key, value)| {
                    let is_clear = !known || KNOWN.iter().all(|name| key == name || fold(name) != fold(key));
                    is_clear && is_unambiguous(value, known && key != "annotations")
                })
        }
        _ => true,
    }
}

fn fold(key: &str) -> String {
    key.replace('\u{17f}', "s").replace('\u{212a}', "k").to_ascii_lowercase()
}

/// Reads JSON as in RFC 8259.
struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    fn take(&mut self, token: &str) -> bool {
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn value(&mut self, depth: usize) -> Option<Json> {
        self.space();
        match self.rest.as_bytes().first()? {
            b'n' => self.take("null").then_some(Json::Null),
            b't' => self.take("true").then_some(Json::Bool),
            b'f' => self.take("false").then_some(Json::Bool),
            b'"' => self.text().map(Json::Text),
            b'[' | b'{' if depth == DEPTH_MAX => None,
            b'[' => self.list(depth),
            b'{' => self.object(depth),
            _ => self.number(),
        }
    }

    fn list(&mut self, depth: usize) -> Option<Json> {
        self.take("[");
        let mut items = Vec::new();
        self.space();
        if self.take("]") {
            return Some(Json::List(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.space();
            if self.take("]") {
                return Some(Json::List(items));
            }
            if !self.take(",") {
                return None;
            }
        }
    }

    fn object(&mut self, depth: usize) -> Option<Json> {
        self.take("{");
        let mut entries = Vec::new();
        self.space();
        if self.take("}") {
            return Some(Json::Object(entries));
        }
        loop {
            self.space();
            let key = self.text()?;
            self.space();
            if !self.take(":") {
                return None;
            }
            entries.push((key, self.value(depth + 1)?));
            self.space();
            if self.take("}") {
                return Some(Json::Object(entries));
            }
            if !self.take(",") {
                return None;
            }
        }
    }

    fn text(&mut self) -> Option<String> {
        if !self.take("\"") {
            return None;
        }
        let mut text = String::new();
        loop {
            let next = self.rest.chars().next()?;
            self.rest = &self.rest[next.len_utf8()..];
            match next {
                '"' => return Some(text),
                '\\' => text.push(self.escaped()?),
                next if next < ' ' => return None,
                next => text.push(next),
            }
        }
    }

    fn escaped(&mut self) -> Option<char> {
        let next = self.rest.chars().next()?;
        self.rest = &self.rest[next.len_utf8()..];
        Some(match next {
            '"' | '\\' | '/' => next,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let unit = self.unit()?;
                match unit {
                    0xd800..=0xdbff => {
                        if !self.take("\\u") {
                            return None;
                        }
                        let low = self.unit()?;
                        if !(0xdc00..=0xdfff).contains(&low) {
                            return None;
                        }
                        char::from_u32(0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00))?
                    }
                    _ => char::from_u32(unit)?,
                }
            }
            _ => return None,
        })
    }

    fn unit(&mut self) -> Option<u32> {
        let digits =
            self.rest.get(..4).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        let unit = u32::from_str_radix(digits, 16).ok()?;
        self.rest = &self.rest[4..];
        Some(unit)
    }

    fn number(&mut self) -> Option<Json> {
        let whole = self.rest;
        self.take("-");
        if !self.take("0") {
            self.digits()?;
        }
        if self.take(".") {
            self.digits()?;
        }
        if self.take("e") || self.take("E") {
            let _ = self.take("+") || self.take("-");
            self.digits()?;
        }
        let text = &whole[..whole.len() - self.rest.len()];
        text.parse::<f64>().ok().filter(|number| number.is_finite())?;
        Some(Json::Number(text.to_owned()))
    }

    fn digits(&mut self) -> Option<()> {
        let length = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        self.rest = &self.rest[length..];
        (length > 0).then_some(())
    }
}
