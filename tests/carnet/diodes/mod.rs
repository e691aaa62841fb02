//! Links on which files are lost, cut and damaged: parity and repair.

mod in_stores;
mod lossy;
mod mending;
mod release_files;
mod repairs;
