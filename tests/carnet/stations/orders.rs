//! No order of arrival leads to two imports.

use std::collections::BTreeSet;
use std::sync::Arc;

use carnet::format::Timestamp;
use carnet::medium::{ChunkFile, ChunkStore as _, Folder, collect};
use carnet::station::{Fate, FileState, Inbox, InboxLimits, Looks, Reception};
use carnet::stream::workers::Workers;
use carnet::trust::{PublicKey, TrustPolicy};
use proptest::prelude::*;

use super::watching::{chunks, deliver, desk};
use crate::behaviour::support::Desk;

fn workers() -> Workers {
    Workers::new(Some(1.try_into().unwrap()), Arc::default()).unwrap()
}

fn policy(desk: &Desk) -> TrustPolicy {
    let public = PublicKey::load(&desk.path("k.pub.pem")).unwrap();
    TrustPolicy::single_key(public, "station").unwrap()
}

fn files(desk: &Desk) -> Vec<Arc<dyn ChunkFile>> {
    collect(&[desk.path("in")]).unwrap().files
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_seconds(4_000_000_000 + seconds).unwrap()
}

/// Lets chunks arrive in this order, each look after some of them. Returns how often a bundle was ready, and the look
/// at which it was first.
fn used(desk: &Desk, order: &[(usize, bool)], policy: &TrustPolicy) -> (usize, usize, usize) {
    for entry in std::fs::read_dir(desk.path("in")).unwrap() {
        std::fs::remove_file(entry.unwrap().path()).unwrap();
    }
    let (mut inbox, mut ready, mut first, mut complete) = (Inbox::default(), 0, usize::MAX, usize::MAX);
    let mut reception = Reception::open(None, "verify".to_owned()).unwrap();
    let (mut there, total) = (BTreeSet::new(), chunks(desk, "b"));
    for (step, (number, again)) in order
        .iter()
        .map(|(n, again)| (n % total, again))
        .chain((0..total).map(|n| (n, &false)))
        .chain([(0, &false), (0, &false)])
        .enumerate()
    {
        let name = if *again { format!("{number} again") } else { number.to_string() };
        if !desk.path("in").join(&name).exists() {
            deliver(desk, "b", number, &name);
        }
        there.insert(number);
        if there.len() == total {
            complete = complete.min(step);
        }
        let now = at(step as u64);
        let seen = inbox.look(&files(desk), policy, now, InboxLimits::default(), &workers());
        for bundle in inbox.bundles(&seen, now) {
            if reception.fate(&bundle, Looks::Repeated, now) == Fate::Ready {
                ready += 1;
                first = first.min(step);
                reception.succeeded(&bundle, now).unwrap();
            }
        }
    }
    (ready, first, complete)
}

#[test]
fn no_order_leads_to_two_imports() {
    let desk = desk(&["b"]);
    let policy = policy(&desk);
    let orders = proptest::collection::vec((0_usize..16, any::<bool>()), 0..12);
    let mut runner = proptest::test_runner::TestRunner::new(proptest::test_runner::Config {
        cases: 100,
        failure_persistence: None,
        ..Default::default()
    });
    runner
        .run(&orders, |order| {
            let (ready, first, complete) = used(&desk, &order, &policy);
            prop_assert_eq!(ready, 1);
            prop_assert!(first > complete, "used at {}, complete at {}", first, complete);
            Ok(())
        })
        .unwrap();
}

#[test]
fn a_file_counts_as_foreign_or_damaged_only_after_a_quiet_minute() {
    let desk = desk(&["b"]);
    let policy = policy(&desk);
    let mut inbox = Inbox::default();
    inbox.look(&[], &policy, at(0), InboxLimits::default(), &workers());
    let bytes = std::fs::read(super::watching::chunk(&desk, "b", 1)).unwrap();
    std::fs::write(desk.path("in/1"), &bytes[..bytes.len() / 2]).unwrap();
    let state = |inbox: &mut Inbox, seconds| {
        inbox.look(&files(&desk), &policy, at(seconds), InboxLimits::default(), &workers()).remove(0)
    };
    assert!(matches!(state(&mut inbox, 1).state, FileState::Arriving { .. }));
    assert!(matches!(state(&mut inbox, 60).state, FileState::Arriving { .. }));
    assert!(matches!(state(&mut inbox, 61).state, FileState::NotAChunk { .. }));
    // It goes on after all.
    std::fs::write(desk.path("in/1"), &bytes).unwrap();
    let whole = state(&mut inbox, 100);
    assert!(matches!(whole.state, FileState::Chunk { number: 1, .. }));
    inbox.note_damage(whole.file.as_ref(), "zeros".to_owned(), at(101));
    assert!(matches!(state(&mut inbox, 102).state, FileState::Damaged { arriving: true, .. }));
    // It is hashed once more, in case the writer went on without a trace.
    let again = state(&mut inbox, 160);
    assert!(matches!(again.state, FileState::Chunk { .. }));
    inbox.note_damage(again.file.as_ref(), "zeros".to_owned(), at(160));
    assert!(matches!(state(&mut inbox, 10_000).state, FileState::Damaged { arriving: false, .. }));
    let seen = inbox.look(&files(&desk), &policy, at(10_001), InboxLimits::default(), &workers());
    assert!(inbox.bundles(&seen, at(10_001))[0].missing.contains(&1));
}

/// A place in which nothing changes is listed less and less often, but every eight minutes at least. What appears or is
/// replaced is seen at once.
#[test]
fn a_quiet_place_is_left_alone() {
    let desk = desk(&["b"]);
    let policy = policy(&desk);
    let store = Folder::new(&desk.path("in"));
    std::fs::create_dir(desk.path("in/below")).unwrap();
    deliver(&desk, "b", 0, "below/b-0");
    let mut inbox = Inbox::default();
    let look = |inbox: &mut Inbox, seconds: u64| {
        let rests = inbox.rests(store.pulse(), at(seconds));
        if !rests {
            inbox.look(&store.files().unwrap(), &policy, at(seconds), InboxLimits::default(), &workers());
        }
        rests
    };
    // The file is old, for the clock of this test is far in the future. Its folder is known after the first look.
    assert!(!look(&mut inbox, 0));
    assert!(!look(&mut inbox, 1));
    assert!(look(&mut inbox, 2) && look(&mut inbox, 240));
    assert!(!look(&mut inbox, 241), "four minutes have passed");
    assert!(look(&mut inbox, 720));
    assert!(!look(&mut inbox, 721), "eight minutes have passed");
    assert!(!look(&mut inbox, 1_201), "eight more minutes have passed");
    assert!(look(&mut inbox, 1_202));
    deliver(&desk, "b", 1, "below/b-1");
    assert!(!look(&mut inbox, 1_203), "a file has appeared");
    assert!(!look(&mut inbox, 1_204), "the new file may still be written");
    std::fs::remove_file(desk.path("in/below/b-1")).unwrap();
    assert!(!look(&mut inbox, 1_290), "a file has gone");
    assert!(look(&mut inbox, 1_291) && !look(&mut inbox, 1_410), "two minutes have passed");
}

/// Beyond the limits, files are passed over; chunks that were taken up keep their room.
#[test]
fn an_inbox_takes_up_no_more_than_it_may() {
    let desk = desk(&["b", "c"]);
    let policy = policy(&desk);
    let mut inbox = Inbox::default();
    let mut taken = |limits: InboxLimits| {
        let seen = inbox.look(&files(&desk), &policy, at(0), limits, &workers());
        let is_taken =
            |file: &&carnet::station::InboxFile| !matches!(file.state, FileState::OverLimit { .. });
        let names = seen.iter().filter(is_taken).map(|file| file.file.file_name().unwrap().to_owned());
        names.collect::<Vec<_>>()
    };
    let limits = InboxLimits { files: Some(2), ..InboxLimits::default() };
    deliver(&desk, "b", 0, "z-0");
    deliver(&desk, "b", 1, "z-1");
    assert_eq!(taken(limits), ["z-0", "z-1"]);
    for (number, name) in ["a-0", "a-1", "a-2"].into_iter().enumerate() {
        deliver(&desk, "c", number, name);
        // A writer who fills the inbox may also set times.
        let file = std::fs::File::open(desk.path("in").join(name)).unwrap();
        file.set_modified(std::time::UNIX_EPOCH).unwrap();
    }
    assert_eq!(taken(limits), ["z-0", "z-1"]);
    std::fs::remove_file(desk.path("in/z-0")).unwrap();
    assert_eq!(taken(limits), ["a-0", "z-1"]);
    let bytes = std::fs::metadata(desk.path("in/z-1")).unwrap().len() + 1;
    assert_eq!(taken(InboxLimits { bytes: Some(bytes), ..InboxLimits::default() }).len(), 1);
    assert_eq!(taken(InboxLimits::default()).len(), 4);
}

#[test]
fn many_foreign_files_do_not_each_keep_a_reason() {
    let desk = desk(&["b"]);
    for number in 0..300 {
        let name = format!("name {number:03} ").repeat(60);
        std::fs::write(desk.path("in").join(number.to_string()), name).unwrap();
    }
    let mut inbox = Inbox::default();
    inbox.look(&[], &policy(&desk), at(0), InboxLimits::default(), &workers());
    inbox.look(&files(&desk), &policy(&desk), at(1), InboxLimits::default(), &workers());
    let seen = inbox.look(&files(&desk), &policy(&desk), at(100), InboxLimits::default(), &workers());
    let reasons: BTreeSet<String> = seen.iter().map(|file| file.state.to_string()).collect();
    assert!(seen.iter().all(|file| matches!(file.state, FileState::NotAChunk { .. })));
    assert!((2..=101).contains(&reasons.len()), "{} reasons", reasons.len());
    assert!(reasons.contains("not a chunk: it does not begin as a chunk does"), "{reasons:?}");
}
