//! Sources and destinations on the command line: what parses, once written back, parses to the same value.
#![no_main]

use carnet::artifacts::{RegistryDestination, SourceSpec};
use carnet::import::RenameRule;

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(source) = text.parse::<SourceSpec>() {
        let again = source.to_string().parse::<SourceSpec>().expect("what is written can be read");
        assert_eq!(again.place, source.place);
        assert_eq!(again.selection, source.selection);
    }
    if let Ok(destination) = text.parse::<RegistryDestination>() {
        assert_eq!(destination.to_string().parse(), Ok(destination));
    }
    let _ = text.parse::<RenameRule>();
});
