//! The two people who sign a transfer record.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

/// The fields that name the two people, and their titles on paper.
const ROLES: [(&str, &str); 2] = [("transferred-by", "Transferred by"), ("approved-by", "Approved by")];

/// Somebody who signs a transfer record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Person {
    /// What they sign for: `Transferred by` or `Approved by`.
    pub role: String,
    /// Their name, as the field `transferred-by` or `approved-by` gives it; absent if it is written by hand.
    pub name: Option<String>,
}

/// Returns the two people who sign, in the order of the lines on paper.
pub(super) fn people(fields: &BTreeMap<String, String>) -> [Person; 2] {
    ROLES.map(|(field, title)| Person { role: title.to_owned(), name: fields.get(field).cloned() })
}

/// Whether a field names one of the two people.
pub(super) fn is_person(field: &str) -> bool {
    ROLES.iter().any(|(known, _)| *known == field)
}

/// Returns the name that fields give to both people: two people must sign.
pub fn same_person(fields: &BTreeMap<String, String>) -> Option<&str> {
    let [one, other] = ROLES.map(|(field, _)| fields.get(field).map(|name| name.trim()));
    one.zip(other).and_then(|(one, other)| (one.to_lowercase() == other.to_lowercase()).then_some(one))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_person_does_not_sign_twice() {
        let fields = |names: &[&str]| -> BTreeMap<String, String> {
            ROLES
                .iter()
                .zip(names)
                .map(|((field, _), name)| ((*field).to_owned(), (*name).to_owned()))
                .collect()
        };
        assert_eq!(same_person(&fields(&["Anna Weiß", " anna weiß"])), Some("Anna Weiß"));
        assert_eq!(same_person(&fields(&["Anna Weiß", "Berta Weiß"])), None);
        assert_eq!(same_person(&fields(&["Anna Weiß"])), None);
    }
}
