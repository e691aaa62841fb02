//! Who may take much memory: one of the layers that are read at the same time.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// The turns of all layers of a run. One layer has its turn at a time, with all of its threads; the others wait.
///
/// A layer that has its turn waits for nothing that another layer has, and one that waits has nothing, so no two wait for each
/// other.
#[derive(Debug, Default)]
pub struct Turns {
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// The number of the next layer.
    next: u64,
    /// The layer that has its turn, and how often it has taken it.
    has: Option<(u64, usize)>,
}

/// The turn of one layer, which it may take.
#[derive(Debug, Clone)]
pub struct Turn {
    turns: Arc<Turns>,
    layer: u64,
}

/// A turn that was taken. It ends when all that the layer took are dropped.
#[derive(Debug)]
pub struct Taken {
    turn: Turn,
}

impl Turns {
    /// The turn of another layer.
    pub fn layer(self: &Arc<Self>) -> Turn {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let layer = state.next;
        state.next += 1;
        Turn { turns: Arc::clone(self), layer }
    }
}

impl Turn {
    /// Takes the turn, and waits until no other layer has it.
    pub fn take(&self) -> Taken {
        let mut state = self.turns.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match &mut state.has {
                None => state.has = Some((self.layer, 1)),
                Some((layer, times)) if *layer == self.layer => *times += 1,
                Some(_) => {
                    state = self.turns.ended.wait(state).unwrap_or_else(PoisonError::into_inner);
                    continue;
                }
            }
            return Taken { turn: self.clone() };
        }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let mut state = self.turn.turns.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, times)) = &mut state.has {
            *times -= 1;
            if *times == 0 {
                state.has = None;
                self.turn.turns.ended.notify_all();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    #[test]
    fn one_layer_has_its_turn_at_a_time() {
        let turns = Arc::new(Turns::default());
        let (one, other) = (turns.layer(), turns.layer());
        let (first, again) = (one.take(), one.take());
        let (said, heard) = mpsc::channel();
        thread::scope(|scope| {
            scope.spawn(move || {
                let taken = other.take();
                said.send(()).unwrap();
                drop(taken);
            });
            drop(first);
            // It still has its turn. This cannot see that the other waits for ever, but it would see that it does not.
            thread::yield_now();
            assert!(heard.try_recv().is_err());
            drop(again);
            heard.recv().unwrap();
        });
        drop(one.take());
    }
}
