//! Executables: for which machine they are, and their sections. ELF, PE and Mach-O; nothing is ever run.

mod elf;
mod macho;
mod model;
mod open;
mod parts;
mod pe;

pub use model::{Executable, ExecutableError, Format, Section};
pub use open::is_executable;
pub use parts::{Outline, Parts};

#[cfg(test)]
mod tests;
