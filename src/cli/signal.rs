//! What operators say to a running worker.

use std::{io, sync::Arc};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::Notify,
};

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// TERM or INT: the first drains, the second ends at once.
    Stop,
    /// Not a signal: the process itself finds no sense in going on.
    StopNow,
    /// TSTP: fetch nothing more.
    Quiet,
    /// CONT: fetch again.
    Resume,
    /// HUP: read the configuration again.
    Reload,
    /// USR1: say what runs.
    Dump,
}

/// Receives signals from its construction on; until then they have their usual effect.
#[derive(Debug)]
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    quiet: Signal,
    resume: Signal,
    reload: Signal,
    dump: Signal,
    useless: Arc<Notify>,
}

// The numbers that the tokio crate has no names for.
#[cfg(any(target_os = "linux", target_os = "android"))]
const TSTP_AND_CONT: [i32; 2] = [20, 18];
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const TSTP_AND_CONT: [i32; 2] = [18, 19];

impl Signals {
    /// Takes over all six signals. `useless` is notified when there is no sense in going on.
    ///
    /// # Errors
    /// When the system refuses to.
    pub(super) fn install(useless: Arc<Notify>) -> io::Result<Self> {
        let [tstp, cont] = TSTP_AND_CONT.map(SignalKind::from_raw);
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            quiet: signal(tstp)?,
            resume: signal(cont)?,
            reload: signal(SignalKind::hangup())?,
            dump: signal(SignalKind::user_defined1())?,
            useless,
        })
    }

    /// The next signal. Cancel safe.
    pub(super) async fn next(&mut self) -> Wish {
        tokio::select! {
            _ = self.terminate.recv() => Wish::Stop,
            _ = self.interrupt.recv() => Wish::Stop,
            _ = self.quiet.recv() => Wish::Quiet,
            _ = self.resume.recv() => Wish::Resume,
            _ = self.reload.recv() => Wish::Reload,
            _ = self.dump.recv() => Wish::Dump,
            () = self.useless.notified() => Wish::StopNow,
        }
    }
}
