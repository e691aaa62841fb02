//! No order of arrival leads to two imports.

use std::collections::BTreeSet;
use std::sync::Arc;

use carnet::format::Timestamp;
use carnet::medium::{ChunkFile, collect};
use carnet::station::{Fate, FileState, Inbox, Looks, Reception};
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
        let seen = inbox.look(&files(desk), policy, now, None, &workers());
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
    inbox.look(&[], &policy, at(0), None, &workers());
    let bytes = std::fs::read(super::watching::chunk(&desk, "b", 1)).unwrap();
    std::fs::write(desk.path("in/1"), &bytes[..bytes.len() / 2]).unwrap();
    let state = |inbox: &mut Inbox, seconds| {
        inbox.look(&files(&desk), &policy, at(seconds), None, &workers()).remove(0)
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
    let seen = inbox.look(&files(&desk), &policy, at(10_001), None, &workers());
    assert!(inbox.bundles(&seen, at(10_001))[0].missing.contains(&1));
}
