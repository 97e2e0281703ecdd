//! Signals that ask for the end, and how a blocked read hears of them.
//!
//! strace starts its `-o '|command'` in its own process group, so Ctrl-C in the terminal reaches the traced program,
//! strace and us. The traced program may live on, and what it says then belongs into the capture: behind a pipe the first
//! SIGINT is passed over, and the end of the input ends us. SIGTERM and SIGHUP, a second SIGINT, and the first one where
//! no pipe is read or nothing is written any more, ask for the end: what is known is written, then we exit. One signal
//! more ends us at once, for when the writing itself is stuck behind a reader that does not read.
//!
//! Where we have started strace ourselves, who did that hears of the first signal ([`Signals::handed`]) and hands it on;
//! the end of the input ends us, as always.
//!
//! A thread receives the signals, because a handler may do next to nothing and the main thread may be blocked.

use std::io::{self, PipeReader, PipeWriter, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::thread;

use super::error::Exit;
use crate::system::{self, Arrivals, INTERRUPT, QUIT, Stream};

/// What the receiving thread needs at most: it calls a few functions and writes a message.
const STACK_BYTES: usize = 256 << 10;

/// What the first signal means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// The end.
    Files,
    /// The end, unless it is SIGINT: a pipe is read.
    Pipe,
    /// It is handed on: we have started strace, to attach it to what runs.
    Attached,
    /// The same, and what the keyboard sends is the traced command's affair: strace has started that.
    Command,
}

/// Whether the end was asked for.
#[derive(Debug)]
pub struct Signals {
    /// The signal that asked for it; 0 while none has.
    stop: Arc<AtomicI32>,
    /// The first SIGINT is passed over.
    patient: Arc<AtomicBool>,
    /// Readable once the end was asked for.
    wake: Stream,
    /// Where signals are handed on: a byte for each, and 0 once nothing is converted any more.
    handed: PipeReader,
    hand: PipeWriter,
}

impl Signals {
    /// Receives signals from now on.
    pub fn listen(manner: Manner) -> io::Result<Self> {
        let stop = Arc::new(AtomicI32::new(0));
        let (wake, bell) = io::pipe()?;
        let (handed, hand) = io::pipe()?;
        let beside: &[i32] = match manner {
            Manner::Files | Manner::Pipe => &[],
            // A shell without job control has it ignored behind `&`, and a script ends with it what it began so.
            Manner::Attached => &[INTERRUPT],
            // The keyboard's other one would end us, and strace with us, where it only means the command.
            Manner::Command => &[QUIT],
        };
        let arrivals = Arrivals::listen(beside)?;
        let patient = Arc::new(AtomicBool::new(manner != Manner::Files));
        let receiver =
            Receiver { stop: Arc::clone(&stop), bell, patient: Arc::clone(&patient), manner, hand: hand.try_clone()? };
        thread::Builder::new().stack_size(STACK_BYTES).spawn(move || receiver.run(arrivals))?;
        Ok(Self { stop, patient, wake: wake.into(), handed, hand })
    }

    /// Receives none.
    #[cfg(test)]
    pub fn none() -> io::Result<Self> {
        let (wake, bell) = io::pipe()?;
        // A pipe without a writer is readable, too.
        std::mem::forget(bell);
        let (handed, hand) = io::pipe()?;
        Ok(Self { stop: Arc::default(), patient: Arc::default(), wake: wake.into(), handed, hand })
    }

    /// From now on the first signal asks for the end: nothing is written any more that it could cost.
    pub fn lose_patience(&self) {
        self.patient.store(false, Ordering::Relaxed);
        let _ = (&self.hand).write_all(&[0]);
    }

    /// Where a byte comes for each signal that is to be handed on, its number, and 0 once nothing is converted any more.
    pub fn handed(&self) -> io::Result<PipeReader> {
        self.handed.try_clone()
    }

    /// The signal that asked for the end, if one has.
    pub fn stop(&self) -> Option<Stop> {
        match self.stop.load(Ordering::Relaxed) {
            0 => None,
            signal => Some(Stop(signal)),
        }
    }

    /// Becomes readable when the end is asked for.
    pub const fn wake(&self) -> &Stream {
        &self.wake
    }
}

/// The signal that asked for the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop(i32);

impl Stop {
    /// Its name.
    pub fn name(self) -> &'static str {
        system::signal_name(self.0)
    }
}

struct Receiver {
    stop: Arc<AtomicI32>,
    bell: PipeWriter,
    patient: Arc<AtomicBool>,
    manner: Manner,
    hand: PipeWriter,
}

impl Receiver {
    fn run(mut self, mut arrivals: Arrivals) {
        let mut asked = false;
        for signal in arrivals.forever() {
            if asked {
                system::exit(Exit::Failed.code());
            }
            if self.is_passed_over(signal) {
                continue;
            }
            asked = true;
            self.stop.store(signal, Ordering::Relaxed);
            // Fails only when nobody reads any more, which is the end that was asked for.
            let _ = self.bell.write_all(b"!");
        }
    }

    /// Whether what is traced goes on for now, or ends by itself.
    fn is_passed_over(&mut self, signal: i32) -> bool {
        let is_recording = matches!(self.manner, Manner::Attached | Manner::Command);
        if self.manner == Manner::Command && matches!(signal, INTERRUPT | QUIT) && system::keyboard_is_ours() {
            return true;
        }
        if (signal == INTERRUPT || is_recording) && self.patient.swap(false, Ordering::Relaxed) {
            log::info!("a signal came: going on until the input ends; a second one stops");
            let _ = u8::try_from(signal).map(|signal| self.hand.write_all(&[signal]));
            return true;
        }
        false
    }
}
