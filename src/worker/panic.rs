//! A panic in a handler is a failed attempt: caught, with its backtrace.

use std::{
    any::Any,
    backtrace::Backtrace,
    cell::{Cell, RefCell},
    future::Future,
    panic::{self, AssertUnwindSafe},
    pin::Pin,
    sync::Once,
    task::{Context, Poll},
};

use futures_util::future::BoxFuture;

thread_local! {
    static IN_HANDLER: Cell<bool> = const { Cell::new(false) };
    static LAST: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// What a handler panicked with.
#[derive(Debug)]
pub(super) struct Panicked {
    pub(super) message: String,
    pub(super) trace: String,
}

/// Keeps the backtrace of panics inside handlers instead of printing it; every other panic goes
/// to the hook that was there before.
pub(super) fn install_hook() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !IN_HANDLER.get() {
                return before(info);
            }
            let place = info.location().map(ToString::to_string).unwrap_or_default();
            let trace = format!("at {place}\n{}", Backtrace::force_capture());
            LAST.with_borrow_mut(|last| *last = Some(trace));
        }));
    });
}

/// Runs a handler's future and turns a panic in it into a value.
pub(super) struct CatchPanic<'a, T>(pub(super) BoxFuture<'a, T>);

impl<T> Future for CatchPanic<'_, T> {
    type Output = Result<T, Panicked>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        catch(|| self.0.as_mut().poll(context))
            .map_or_else(|panicked| Poll::Ready(Err(panicked)), |poll| poll.map(Ok))
    }
}

/// Runs a closure of the user's and turns a panic in it into a value.
fn catch<T>(run: impl FnOnce() -> T) -> Result<T, Panicked> {
    let before = IN_HANDLER.replace(true);
    let outcome = panic::catch_unwind(AssertUnwindSafe(run));
    IN_HANDLER.set(before);
    outcome.map_err(|payload| {
        let message = format!("panicked: {}", text_of(payload.as_ref()));
        let trace = LAST.with_borrow_mut(Option::take).unwrap_or_default();
        Panicked {
            trace: format!("{message}\n{trace}"),
            message,
        }
    })
}

fn text_of(payload: &(dyn Any + Send)) -> &str {
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a value that is no text")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_a_value_with_its_place() {
        install_hook();
        let panicked = CatchPanic(Box::pin(async {
            assert_eq!(1, 2, "no width");
        }))
        .await
        .unwrap_err();
        assert_eq!(
            panicked.message,
            "panicked: assertion `left == right` failed: no width\n  left: 1\n right: 2"
        );
        assert!(
            panicked.trace.contains("src/worker/panic.rs"),
            "{}",
            panicked.trace
        );
    }
}
