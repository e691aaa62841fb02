//! A line of the chain of runs. Parsing compares it with the one way to write it.
#![no_main]

use carnet::runs::ChainLine;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = ChainLine::parse(bytes);
});
