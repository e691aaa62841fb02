//! Ruby gems: `specifications/*.gemspec`, as RubyGems writes them when it installs a gem.
//!
//! They are Ruby programs. RubyGems writes each field in one line with literal values, so that they can be read without
//! running them. A hand-written one may not be readable, which is a problem.

use super::package::{Found, Kind, Package};
use super::word::{licence, text, word};

/// The most licences that one gem declares.
const LICENCES_MAX: usize = 32;

/// The gem that an installed specification describes.
pub fn gemspec(bytes: &[u8]) -> Found {
    let (mut name, mut version, mut licences) = (None, None, Vec::new());
    for line in text(bytes).lines().map(str::trim) {
        // `# stub: NAME VERSION PLATFORM FOLDERS`, which RubyGems itself reads first.
        if let Some(stub) = line.strip_prefix("# stub: ") {
            let mut words = stub.split(' ');
            name = name.or_else(|| words.next().and_then(word));
            version = version.or_else(|| words.next().and_then(word));
            continue;
        }
        let Some((variable, value)) = line.split_once('=').filter(|_| !line.starts_with('#')) else {
            continue;
        };
        match variable.trim().split_once('.').map(|(_, field)| field) {
            Some("name") => name = name.or_else(|| literals(value).next().and_then(word)),
            Some("version") => version = version.or_else(|| literals(value).next().and_then(word)),
            Some("license" | "licenses") => {
                licences = literals(value).filter_map(licence).take(LICENCES_MAX).collect();
            }
            _ => {}
        }
    }
    let mut found = Found::default();
    match name.zip(version) {
        Some((name, version)) => found.packages.push(Package {
            kind: Kind::Ruby,
            name,
            version,
            architecture: None,
            source: None,
            licences,
        }),
        None => found.problems.push("The gem specification has no literal name and version.".to_owned()),
    }
    found
}

/// The texts in quotes: `["MIT".freeze, 'ISC']` has two.
fn literals(value: &str) -> impl Iterator<Item = &str> {
    let mut rest = value;
    std::iter::from_fn(move || {
        let at = rest.find(['"', '\''])?;
        let (quote, inside) = rest.get(at..)?.split_at_checked(1)?;
        let (literal, after) = inside.split_once(quote)?;
        rest = after;
        Some(literal)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_rubygems_writes() {
        let found = gemspec(
            b"# -*- encoding: utf-8 -*-\n# stub: rake 13.0.6 ruby lib\n\nGem::Specification.new do |s|\n\
              \x20 s.name = \"rake\".freeze\n  s.version = \"13.0.6\"\n\n\
              \x20 s.required_rubygems_version = Gem::Requirement.new(\">= 1.3.2\".freeze) if s.respond_to? :x\n\
              \x20 s.licenses = [\"MIT\".freeze, 'ISC']\nend\n",
        );
        assert_eq!((found.packages[0].name.as_str(), found.packages[0].version.as_str()), ("rake", "13.0.6"));
        assert_eq!(found.packages[0].licences, ["MIT", "ISC"]);
    }

    #[test]
    fn reads_fields_without_a_stub() {
        let found = gemspec(b"  spec.name = 'a'\n  spec.version = Gem::Version.new(\"1.2\")\n");
        assert_eq!((found.packages[0].name.as_str(), found.packages[0].version.as_str()), ("a", "1.2"));
        let found = gemspec(b"spec.name = 'a'\nspec.version = A::VERSION\n# s.version = '1'\n");
        assert_eq!(found.problems, ["The gem specification has no literal name and version."]);
    }
}
