//! Loggers, of this worker or of all.

use std::collections::BTreeMap;

use super::{
    super::{Refusal, record::set_level},
    Control,
};
use crate::telemetry::{Level, Logger, NoRoom};

// === impl Control ===

impl Control {
    /// This worker's loggers, by name.
    #[must_use]
    pub fn loggers(&self) -> BTreeMap<String, Logger> {
        self.0.parts.loggers.all()
    }

    /// One of this worker's loggers.
    #[must_use]
    pub fn logger(&self, name: &str) -> Option<Logger> {
        self.0.parts.loggers.get(name)
    }

    /// Sets the level of a logger and of all below it on this worker, and tells which have changed.
    ///
    /// # Errors
    ///
    /// [`Refusal::Invalid`] where no more loggers are kept.
    pub fn set_level(&self, logger: &str, level: Level) -> Result<Vec<String>, Refusal> {
        let parts = &self.0.parts;
        let set = parts.loggers.set(logger, level, (parts.clock)());
        set.map_err(unkept)
    }

    /// Sets the level of a logger and of all below it on all workers that run.
    ///
    /// # Errors
    ///
    /// As [`Refusal`] says.
    pub async fn set_level_everywhere(&self, logger: &str, level: Level) -> Result<(), Refusal> {
        self.0.parts.loggers.room_for(logger).map_err(unkept)?;
        let record = set_level(logger, level);
        self.change(move |_| Ok((vec![record.clone()], ()))).await
    }
}

fn unkept(why: NoRoom) -> Refusal {
    Refusal::Invalid(why.to_string())
}
