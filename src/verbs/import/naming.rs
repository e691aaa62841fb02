//! The names of artifacts in the registry: the original name without its host, or the result of a rename rule.

use std::str::FromStr;

use regex_lite::Regex;

use crate::oci::{Digest, RefName};
use crate::registry::{Host, NameError, RepositoryName, Tag};

/// A rename rule: `REGEX=REPLACEMENT`. The expression must match the whole name.
#[derive(Clone, Debug)]
pub struct RenameRule {
    pattern: Regex,
    replacement: String,
}

/// The reason why a text is not a valid rename rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?}: {problem}; expected REGEX=REPLACEMENT, e.g. 'low.example/(.*)=team/$1'")]
pub struct RenameError {
    /// The invalid text.
    pub text: String,
    /// The problem with it.
    pub problem: String,
}

impl FromStr for RenameRule {
    type Err = RenameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = |problem: String| RenameError { text: text.to_owned(), problem };
        // Names never contain '=', so the last one is the separator.
        let (expression, replacement) =
            text.rsplit_once('=').ok_or_else(|| refuse("there is no '='".to_owned()))?;
        if expression.is_empty() || replacement.is_empty() {
            return Err(refuse("the expression or the replacement is empty".to_owned()));
        }
        // Compile it alone first, because an extra closing bracket must not close the group added below.
        Regex::new(expression).map_err(|error| refuse(error.to_string()))?;
        let pattern =
            Regex::new(&format!("^(?:{expression})$")).map_err(|error| refuse(error.to_string()))?;
        check_replacement(&pattern, replacement).map_err(refuse)?;
        Ok(RenameRule { pattern, replacement: replacement.to_owned() })
    }
}

impl RenameRule {
    fn apply(&self, name: &str) -> Option<String> {
        let captures = self.pattern.captures(name)?;
        let mut renamed = String::new();
        captures.expand(&self.replacement, &mut renamed);
        Some(renamed)
    }
}

/// Checks that every group in the replacement exists. An unknown group would silently expand to nothing: `$1_x`
/// refers to a group `1_x`.
fn check_replacement(pattern: &Regex, replacement: &str) -> Result<(), String> {
    let mut rest = replacement;
    while let Some((_, after)) = rest.split_once('$') {
        if let Some(after) = after.strip_prefix('$') {
            rest = after;
            continue;
        }
        let braced = after.strip_prefix('{').and_then(|after| after.split_once('}'));
        let word = after.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default();
        let (group, after) = braced.unwrap_or((word, &after[word.len()..]));
        let known = match group.parse::<usize>() {
            Ok(number) => number < pattern.captures_len(),
            Err(_) => pattern.capture_names().flatten().any(|name| name == group),
        };
        if !known {
            let digits = group.trim_start_matches(|c: char| c.is_ascii_digit());
            let number = &group[..group.len() - digits.len()];
            return Err(match number {
                "" => format!("the expression has no group {group:?}"),
                number => {
                    format!("the expression has no group {group:?}; write ${{{number}}} for group {number}")
                }
            });
        }
        rest = after;
    }
    Ok(())
}

/// The repository and tag that an artifact is pushed to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Target {
    pub(super) repository: RepositoryName,
    /// `None` if it is pushed by digest.
    pub(super) tag: Option<Tag>,
}

/// Why an artifact has no valid name in the registry.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NameProblem {
    /// It has no name, or its name has no repository.
    Unnamed,
    /// The resulting name is invalid.
    Invalid { becomes: String, problem: NameError },
}

/// Determines the names of artifacts in the registry.
pub(super) struct Naming<'a> {
    pub(super) prefix: Option<&'a RepositoryName>,
    /// The first rule that matches applies.
    pub(super) rules: &'a [RenameRule],
}

impl Naming<'_> {
    /// Returns where an artifact is pushed to. The rules match its digest if it has no name.
    pub(super) fn target(&self, name: Option<&RefName>, digest: &Digest) -> Result<Target, NameProblem> {
        let original = name.map_or_else(|| digest.to_string(), ToString::to_string);
        let own_tag = name.and_then(RefName::tag);
        let renamed = self.rules.iter().find_map(|rule| rule.apply(&original));
        let (repository, tag) = if let Some(renamed) = &renamed {
            let reference = renamed.split('@').next().unwrap_or(renamed);
            match reference.split_once(':') {
                Some((repository, tag)) => (repository, Some(tag)),
                None => (reference, own_tag),
            }
        } else {
            let repository = name.and_then(RefName::repository).ok_or(NameProblem::Unnamed)?;
            (without_host(repository), own_tag)
        };
        let becomes = || match tag {
            Some(tag) => format!("{repository}:{tag}"),
            None => repository.to_owned(),
        };
        let invalid = |problem| NameProblem::Invalid { becomes: becomes(), problem };
        let repository = match self.prefix {
            Some(prefix) => format!("{prefix}/{repository}").parse(),
            None => repository.parse(),
        };
        let tag = tag.map(str::parse).transpose().map_err(invalid)?;
        Ok(Target { repository: repository.map_err(invalid)?, tag })
    }
}

/// Returns the repository without the host of its registry.
fn without_host(repository: &str) -> &str {
    match repository.split_once('/') {
        Some((host, rest)) if Host::is_meant_by(host) => rest,
        _ => repository,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(prefix: Option<&str>, rules: &[&str], name: Option<&str>) -> Result<String, NameProblem> {
        let prefix: Option<RepositoryName> = prefix.map(|prefix| prefix.parse().unwrap());
        let rules: Vec<RenameRule> = rules.iter().map(|rule| rule.parse().unwrap()).collect();
        let name: Option<RefName> = name.map(|name| name.parse().unwrap());
        let naming = Naming { prefix: prefix.as_ref(), rules: &rules };
        naming.target(name.as_ref(), &Digest::sha256(b"")).map(|target| match target.tag {
            Some(tag) => format!("{}:{tag}", target.repository),
            None => target.repository.to_string(),
        })
    }

    #[test]
    fn only_the_host_is_removed_by_default() {
        let digest = Digest::sha256(b"");
        for (name, becomes) in [
            ("low.example/team/app:1.0", "team/app:1.0"),
            ("low.example:5000/app:1.0", "app:1.0"),
            ("localhost/app:1.0", "app:1.0"),
            ("team/app:1.0", "team/app:1.0"),
            ("app:1.0", "app:1.0"),
            ("low.example/team/app", "team/app"),
            (&format!("low.example/team/app@{digest}"), "team/app"),
        ] {
            assert_eq!(named(None, &[], Some(name)).unwrap(), becomes, "{name}");
            assert_eq!(named(Some("in/box"), &[], Some(name)).unwrap(), format!("in/box/{becomes}"));
        }
    }

    #[test]
    fn an_artifact_without_a_repository_needs_a_rule() {
        for name in [None, Some("1.0")] {
            assert_eq!(named(None, &[], name), Err(NameProblem::Unnamed));
            assert_eq!(named(None, &["x=y:1"], name), Err(NameProblem::Unnamed));
        }
        assert_eq!(named(None, &["1.0=team/app:2"], Some("1.0")).unwrap(), "team/app:2");
        assert_eq!(named(None, &["(.*)=team/app:$1"], Some("1.0")).unwrap(), "team/app:1.0");
        assert_eq!(named(None, &["1.0=team/app"], Some("1.0")).unwrap(), "team/app:1.0");
        let rule = format!("{}=team/app:1.0", Digest::sha256(b""));
        assert_eq!(named(None, &[&rule], None).unwrap(), "team/app:1.0");
        assert_eq!(named(None, &["sha256:e3b0.*=team/app"], None).unwrap(), "team/app", "it has no tag");
    }

    #[test]
    fn the_first_rule_that_matches_the_whole_name_applies() {
        let rules = ["low.example/(.*)=a/$1", "low.example/app:1=b/c", "(?:.*/)?(.*):(.*)=d/${1}:${2}-x"];
        assert_eq!(named(None, &rules, Some("low.example/app:1")).unwrap(), "a/app:1");
        assert_eq!(named(Some("p"), &rules, Some("high.example/app:1")).unwrap(), "p/d/app:1-x");
        assert_eq!(named(None, &["app=x/y"], Some("low.example/app:1")).unwrap(), "app:1");
        assert_eq!(
            named(None, &["a|app:1=x/y:z"], Some("app:1")).unwrap(),
            "x/y:z",
            "the rule must match the whole name"
        );
        let digest = format!("low.example/app@{}", Digest::sha256(b""));
        assert_eq!(named(None, &["low.example/(.*)=team/$1"], Some(&digest)).unwrap(), "team/app");
    }

    #[test]
    fn a_rule_without_a_tag_keeps_the_tag() {
        assert_eq!(named(None, &["low.example/app:.*=x/y"], Some("low.example/app:1")).unwrap(), "x/y:1");
    }

    #[test]
    fn the_resulting_name_must_be_valid() {
        for (rule, name) in [("(.*)=Team/$1", "app:1"), ("(.*):(.*)=$1:-$2", "app:1"), ("x=y", "Team/App:1")]
        {
            let refused = named(None, &[rule], Some(name));
            assert!(matches!(refused, Err(NameProblem::Invalid { .. })), "{rule}: {refused:?}");
        }
    }

    #[test]
    fn invalid_rules_are_rejected() {
        for text in
            ["", "a", "=a", "a=", "(=a", "a)|(b=c", "(.*)=$2", "(.*)=a/$1_x", "(.*)=a/${x}", "(.*)=a/$"]
        {
            assert!(text.parse::<RenameRule>().is_err(), "{text}");
        }
        for text in ["(.*)=a/${1}_x", "(?P<r>.*)=a/$r", "(.*)=$1", "(.*)=a/$0"] {
            assert!(text.parse::<RenameRule>().is_ok(), "{text}");
        }
    }
}
