//! Executables: for which machine they are, and their sections. ELF, PE and Mach-O; nothing is ever run.

mod elf;
mod macho;
mod open;
mod pe;

pub use open::{Executable, ExecutableError, Format, Section, is_executable};

#[cfg(test)]
mod tests;
