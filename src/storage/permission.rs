//! Kinds of access.

use std::fmt;

/// A kind of access that an operation needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Permission {
    /// To list objects.
    List,
    /// To read an object.
    Read,
    /// To write a new object.
    Write,
    /// To write over an object.
    Replace,
    /// To delete an object.
    Delete,
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Permission::List => "list",
            Permission::Read => "read",
            Permission::Write => "write",
            Permission::Replace => "replace",
            Permission::Delete => "delete",
        })
    }
}
