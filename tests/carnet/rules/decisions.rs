//! Every decision page is in the list, with its number in its heading.

use std::fs;

use super::root;

#[test]
fn decisions_are_numbered_and_listed() {
    let folder = root().join("docs/decisions");
    let list = fs::read_to_string(folder.join("README.md")).unwrap();
    let mut names: Vec<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "README.md")
        .collect();
    names.sort();
    let mut expected = Vec::new();
    for name in &names {
        let number = name.split('-').next().unwrap();
        let page = fs::read_to_string(folder.join(name)).unwrap();
        assert!(page.starts_with(&format!("# {number}. ")), "{name} begins with another heading");
        expected.push(format!("| [{number}]({name}) |"));
    }
    let rows: Vec<&str> = list.lines().filter(|line| line.starts_with("| [")).collect();
    assert_eq!(rows.len(), expected.len(), "pages and rows of the list");
    for (row, expected) in rows.iter().zip(&expected) {
        assert!(row.starts_with(expected.as_str()), "the list has {row}, expected {expected}");
    }
}
