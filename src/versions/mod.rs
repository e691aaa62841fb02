//! The orders of versions: which of two versions is later, by the rules of each package system.
