//! Strict order between queues: one is served only while all before it have nothing to do.

use std::{cell::RefCell, rc::Rc};

use tokio::sync::Notify;

/// One queue's place in the order.
#[derive(Debug, Clone)]
pub(super) struct Order {
    place: usize,
    all: Option<Rc<All>>,
}

#[derive(Debug)]
struct All {
    idle: RefCell<Vec<bool>>,
    changed: Notify,
}

impl Order {
    /// Places for `count` queues; without `strict` none ever waits for another.
    pub(super) fn of(count: usize, strict: bool) -> Vec<Self> {
        let all = strict.then(|| {
            Rc::new(All {
                idle: RefCell::new(vec![false; count]),
                changed: Notify::new(),
            })
        });
        (0..count)
            .map(|place| Self {
                place,
                all: all.clone(),
            })
            .collect()
    }

    /// Whether every queue before this one is idle.
    pub(super) fn may_claim(&self) -> bool {
        self.all
            .as_ref()
            .is_none_or(|all| all.idle.borrow().iter().take(self.place).all(|idle| *idle))
    }

    pub(super) fn set_idle(&self, idle: bool) {
        let Some(all) = &self.all else { return };
        let mut places = all.idle.borrow_mut();
        if let Some(place) = places.get_mut(self.place)
            && *place != idle
        {
            *place = idle;
            all.changed.notify_waiters();
        }
    }

    /// Waits until some queue has become idle or busy.
    pub(super) async fn changed(&self) {
        match &self.all {
            Some(all) => all.changed.notified().await,
            None => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_waits_for_all_before_it() {
        let places = Order::of(3, true);
        assert!(places[0].may_claim() && !places[1].may_claim());
        places[0].set_idle(true);
        assert!(places[1].may_claim() && !places[2].may_claim());
        places[1].set_idle(true);
        assert!(places[2].may_claim());
        places[0].set_idle(false);
        assert!(!places[2].may_claim());
    }

    #[test]
    fn without_strict_order_nobody_waits() {
        assert!(Order::of(2, false)[1].may_claim());
    }
}
