//! NuGet packages of a .NET application: `*.deps.json`, which the host reads when it starts the application.

use serde_json::Value;

use super::package::{Found, Kind, Package};
use super::word::{quoted, text, word};
use crate::oci::json::{VALUES_MAX, values};

/// The most packages of one application.
const PACKAGES_MAX: usize = 20_000;

/// The packages that an application was published with. The projects of the application itself are none.
pub fn deps_json(bytes: &[u8]) -> Found {
    let mut found = Found::default();
    if values(bytes) > VALUES_MAX {
        found.problem(|| format!("The .deps.json file has more than {VALUES_MAX} values."));
        return found;
    }
    let read = match serde_json::from_str::<Value>(&text(bytes)) {
        Ok(read) => read,
        Err(error) => {
            found.problems.push(format!("The .deps.json file is not valid JSON: {error}."));
            return found;
        }
    };
    let libraries = read.get("libraries").and_then(Value::as_object);
    for (key, library) in libraries.into_iter().flatten().take(PACKAGES_MAX) {
        let kind = library.get("type").and_then(Value::as_str);
        // A self-contained application has the runtime with it, under the name of its package.
        let name_and_version = match kind {
            Some("package") => key.as_str(),
            Some("runtimepack") => key.strip_prefix("runtimepack.").unwrap_or(key),
            _ => continue,
        };
        let parts =
            name_and_version.split_once('/').and_then(|(name, version)| word(name).zip(word(version)));
        match parts {
            Some((name, version)) => found.packages.push(Package {
                kind: Kind::Dotnet,
                name,
                version,
                architecture: None,
                source: None,
                licences: Vec::new(),
            }),
            None => found.problem(|| format!("The library {} is not NAME/VERSION.", quoted(key))),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_and_runtimes_count_but_projects_do_not() {
        let found = deps_json(
            br#"{"runtimeTarget":{},"libraries":{"web/1.0.0":{"type":"project"},
            "Newtonsoft.Json/13.0.3":{"type":"package","serviceable":true},"odd":{"type":"package"},
            "runtimepack.Microsoft.NETCore.App.Runtime.linux-x64/8.0.1":{"type":"runtimepack"}}}"#,
        );
        let names: Vec<_> = found.packages.iter().map(|p| format!("{} {}", p.name, p.version)).collect();
        assert_eq!(names, ["Newtonsoft.Json 13.0.3", "Microsoft.NETCore.App.Runtime.linux-x64 8.0.1"]);
        assert_eq!(found.problems, ["The library \"odd\" is not NAME/VERSION."]);
    }

    #[test]
    fn other_files_are_problems_or_empty() {
        assert_eq!(deps_json(b"{\"libraries\":[]}"), Found::default());
        assert!(deps_json(b"").problems[0].starts_with("The .deps.json file is not valid JSON: EOF"));
    }
}
