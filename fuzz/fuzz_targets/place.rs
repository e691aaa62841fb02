//! Sources and destinations on the command line: a value that parses survives a round trip through text.
#![no_main]

use carnet::artifacts::{RegistryDestination, SourceSpec};
use carnet::import::RenameRule;

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(source) = text.parse::<SourceSpec>() {
        let again = source.to_string().parse::<SourceSpec>().expect("a source can be parsed from its text");
        assert_eq!(again.place, source.place);
        assert_eq!(again.selection, source.selection);
    }
    if let Ok(destination) = text.parse::<RegistryDestination>() {
        assert_eq!(destination.to_string().parse(), Ok(destination));
    }
    let _ = text.parse::<RenameRule>();
});
