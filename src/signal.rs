//! Signals that ask a process to stop.

/// Waits for Ctrl-C or, on Unix, SIGTERM.
///
/// Where no handler can be installed it waits for ever, as if no signal came.
pub async fn terminate() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = terminate.recv() => return,
                interrupted = tokio::signal::ctrl_c() => if interrupted.is_ok() { return },
            }
        }
    }
    #[cfg(not(unix))]
    if tokio::signal::ctrl_c().await.is_ok() {
        return;
    }
    std::future::pending::<()>().await;
}
