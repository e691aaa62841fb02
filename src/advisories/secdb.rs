//! The secdb of Alpine, Wolfi and Chainguard: for each package, the versions that fix flaws.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Deserializer;

use crate::packages::Kind;

use super::ecosystem::Ecosystem;
use super::entry::{Concerned, Entry, Record};
use super::gathering::Gathering;
use super::range::Range;

#[derive(Deserialize)]
struct Item {
    pkg: Package,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    /// The flaws that each version fixes. Version 0: no version had them.
    #[serde(default)]
    secfixes: Option<BTreeMap<String, Option<Vec<String>>>>,
}

/// A flaw of a package, before it is known which distribution the file is for.
struct Fix {
    name: String,
    version: String,
    ids: String,
}

/// What a file says of itself, and the fixes for wanted packages.
#[derive(Default)]
struct Secdb {
    distroversion: Option<String>,
    urlprefix: Option<String>,
    fixes: Vec<Fix>,
}

/// Reads a secdb.
///
/// # Errors
/// Where and why it breaks its format.
pub(super) fn read(stream: impl Read, gathering: &mut Gathering<'_>) -> Result<(), String> {
    let mut json = Deserializer::from_reader(stream);
    let secdb = json.deserialize_map(File { gathering }).map_err(|error| error.to_string())?;
    json.end().map_err(|error| error.to_string())?;
    let url = secdb.urlprefix.unwrap_or_default();
    let name = match () {
        () if url.contains("wolfi") => "Wolfi",
        () if url.contains("chainguard") || url.contains("cgr.dev") => "Chainguard",
        () => "Alpine",
    };
    let ecosystem = Ecosystem::named(name).ok_or("the distribution is not known")?;
    // Wolfi and Chainguard have no releases.
    let release = if name == "Alpine" { secdb.distroversion.unwrap_or_default() } else { String::new() };
    gathering.cover(ecosystem, &release);
    for fix in secdb.fixes {
        // Several ids in one text are of one flaw: `CVE-2019-2426 XSA-201`.
        let mut ids = fix.ids.split_whitespace().map(str::to_owned);
        let Some(id) = ids.next() else { continue };
        let record = Record { id, aliases: ids.collect(), ..Record::default() };
        let entry = Entry {
            record: Arc::new(record),
            ecosystem,
            release: release.as_str().into(),
            level: None,
            concerns: Concerned::Versions { ranges: vec![Range::before(&fix.version)], listed: Vec::new() },
        };
        gathering.keep(&fix.name, entry);
    }
    Ok(())
}

struct File<'a, 'b> {
    gathering: &'a mut Gathering<'b>,
}

impl<'de> Visitor<'de> for File<'_, '_> {
    type Value = Secdb;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a secdb")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut file: A) -> Result<Secdb, A::Error> {
        let mut secdb = Secdb::default();
        while let Some(key) = file.next_key::<String>()? {
            match key.as_str() {
                "distroversion" => secdb.distroversion = file.next_value()?,
                "urlprefix" => secdb.urlprefix = file.next_value()?,
                "packages" => {
                    file.next_value_seed(Packages { gathering: self.gathering, fixes: &mut secdb.fixes })?;
                }
                _ => {
                    file.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(secdb)
    }
}

struct Packages<'a, 'b> {
    gathering: &'a mut Gathering<'b>,
    fixes: &'a mut Vec<Fix>,
}

impl<'de> DeserializeSeed<'de> for Packages<'_, '_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Packages<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of packages")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut packages: A) -> Result<(), A::Error> {
        while let Some(Item { pkg }) = packages.next_element()? {
            let is_wanted = self.gathering.wanted.versions(Kind::Apk, &pkg.name).is_some();
            for (version, ids) in pkg.secfixes.unwrap_or_default() {
                for ids in ids.unwrap_or_default() {
                    self.gathering.count();
                    if is_wanted && version != "0" {
                        self.fixes.push(Fix { name: pkg.name.clone(), version: version.clone(), ids });
                    }
                }
            }
            self.gathering.allowance.renew();
        }
        Ok(())
    }
}
