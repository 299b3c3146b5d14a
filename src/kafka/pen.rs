//! Writing to a log that every worker may write to: one at a time, so that there is one order, and everybody who writes
//! knows all that was written before.
//!
//! It is a shard's way once more: whoever wants to write fences everybody else, reads to the end, decides, and commits.
//! A pen that still commits was not taken by anybody since; one that was taken fails, and is taken back.

use std::fmt;

use super::{Cluster, Error, Producer, producer::Entry};

/// The right to write to the connectors topic. Its methods block.
pub struct Pen {
    cluster: Cluster,
    producer: Option<Producer>,
}

// === impl Pen ===

impl Pen {
    /// A pen that is not held yet.
    #[must_use]
    pub const fn new(cluster: Cluster) -> Self {
        Self {
            cluster,
            producer: None,
        }
    }

    /// Takes it, from whoever else may hold it. What they have written is in the log by now, and they write no more.
    ///
    /// # Errors
    ///
    /// When the transaction coordinator cannot be reached, or refuses.
    pub fn take(&mut self) -> Result<(), Error> {
        self.producer = None;
        self.producer = Some(Producer::fence_as(
            &self.cluster,
            self.cluster.topics().connectors(),
        )?);
        Ok(())
    }

    /// Writes all of `entries`, or none. After an error it must be taken again, and only what is read then says whether
    /// they were written.
    ///
    /// # Errors
    ///
    /// When somebody else has taken it ([`Error::Fenced`]), or Kafka does not answer in time.
    pub fn write(&mut self, entries: &[Entry<'_>]) -> Result<(), Error> {
        let Some(mut producer) = self.producer.take() else {
            return Err(Error::Fenced);
        };
        let mut transaction = producer.begin()?;
        for entry in entries {
            if let Err(error) = transaction.set(entry) {
                return transaction.fail(error);
            }
        }
        transaction.commit()?;
        self.producer = Some(producer);
        Ok(())
    }
}

impl fmt::Debug for Pen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pen(held: {})", self.producer.is_some())
    }
}
