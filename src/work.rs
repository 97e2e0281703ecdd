//! How much is done, so that a test can hold that it grows as the trace does, whatever the trace holds.
//!
//! Loops over something that a trace can make long say here how often they go round: searches in what is kept, walks
//! through tables, passes over text, copies of what waits. It is counted where debug assertions are on, in each thread for
//! itself, and is nothing elsewhere. `tests/offline/attacks` asks for it; a new loop of that kind says so too.

pub use counted::{each, steps};

#[cfg(debug_assertions)]
mod counted {
    use std::cell::Cell;
    use std::iter::Inspect;

    thread_local! {
        static STEPS: Cell<u64> = const { Cell::new(0) };
    }

    /// An iterator whose items are counted as they are taken.
    pub type Each<I> = Inspect<I, fn(&<I as Iterator>::Item)>;

    /// Counts so many steps.
    pub fn steps(count: usize) {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        STEPS.set(STEPS.get().saturating_add(count));
    }

    /// Counts a step for each item that is taken.
    pub fn each<I: Iterator>(items: I) -> Each<I> {
        items.inspect(|_| steps(1))
    }

    /// How many steps this thread has counted.
    pub fn taken() -> u64 {
        STEPS.get()
    }
}

#[cfg(not(debug_assertions))]
mod counted {
    /// The iterator itself.
    pub type Each<I> = I;

    /// Counts nothing.
    #[inline(always)]
    pub const fn steps(_count: usize) {}

    /// Counts nothing.
    #[inline(always)]
    pub fn each<I: Iterator>(items: I) -> Each<I> {
        items
    }
}

#[cfg(debug_assertions)]
pub use counted::taken;
