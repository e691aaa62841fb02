//! Kinds of access.

use std::fmt;

/// A kind of access that an operation needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Permission {
    /// To list objects.
    List,
    /// To read an object.
    Read,
    /// To write an object, new or not.
    Write,
    /// To delete an object.
    Delete,
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Permission::List => "list",
            Permission::Read => "read",
            Permission::Write => "write",
            Permission::Delete => "delete",
        })
    }
}
