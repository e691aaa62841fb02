//! Hashing many streams together gives the same digests as hashing each alone.
#![no_main]

use carnet::stream::hash::{Function, Kernel, Stream, update_together};
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: {
    // Use the widest lanes, even if SHA instructions would be faster.
    let lanes = Kernel::available().find(|kernel| *kernel != Kernel::ShaNi);
    lanes.expect("there is always the portable kernel").force().expect("nothing was hashed yet");
}, |messages: Vec<(bool, Vec<u8>, u8)>| {
    let function = |md5: bool| if md5 { Function::Md5 } else { Function::Sha256 };
    let mut streams: Vec<Stream> = messages.iter().map(|(md5, ..)| Stream::new(function(*md5))).collect();
    // Each message comes in two parts, split at any place.
    for second in [false, true] {
        let mut parts: Vec<(&mut Stream, &[u8])> = streams
            .iter_mut()
            .zip(&messages)
            .map(|(stream, (_, message, cut))| {
                let (first, rest) = message.split_at(usize::from(*cut).min(message.len()));
                (stream, if second { rest } else { first })
            })
            .collect();
        update_together(&mut parts);
    }
    for (stream, (md5, message, _)) in streams.into_iter().zip(&messages) {
        let mut alone = Stream::new(function(*md5));
        // A single stream takes another path through the code.
        update_together(&mut [(&mut alone, &message[..])]);
        assert_eq!(stream.finish().hex(), alone.finish().hex());
    }
});
