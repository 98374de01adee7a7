//! Writing into the log of deliveries, on top of what others write at the same time.

use shared::{app::App, deliveries::Delivery, error::Error, store::Row};

/// Tries of noting what others note at the same time.
const TRIES: usize = 5;

/// A delivery of the log, or one that is about to be.
pub(crate) struct Entry {
    /// The delivery as it was read, or before anything came of it.
    pub(crate) delivery: Delivery,
    written: bool,
}

impl Entry {
    /// One that the log does not know yet.
    pub(crate) fn fresh(delivery: Delivery) -> Self {
        Self {
            delivery,
            written: false,
        }
    }

    /// One of the log.
    pub(crate) fn written(delivery: Delivery) -> Self {
        Self {
            delivery,
            written: true,
        }
    }

    /// Changes the delivery as the log has it by now; `None` when the log has forgotten it.
    pub(crate) async fn change(&self, app: &App, change: impl Fn(&mut Delivery)) -> Result<Option<Delivery>, Error> {
        if !self.written {
            let mut first = self.delivery.clone();
            change(&mut first);
            if app.table.put_new(&first).await? {
                return Ok(Some(first));
            }
        }
        let key = Row::key(&self.delivery);
        for _ in 0..TRIES {
            let Some(before) = app.table.get::<Delivery>(&key).await? else {
                return Ok(None);
            };
            let mut after = before.clone();
            change(&mut after);
            if app.table.update(after.changed(&before)?).await? {
                return Ok(Some(after));
            }
        }
        Err(Error::unavailable("a delivery is changed again and again"))
    }
}
