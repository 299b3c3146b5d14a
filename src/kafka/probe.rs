//! What a shard needs of the cluster, tried and rolled back.

use super::{Cluster, Error, Producer, Record};

impl Producer {
    /// Tries whether transactions are allowed, with an id that no shard has; and whether the topics `compacted` may be
    /// written to, with records that such topics never take, for want of a key, in transactions that are rolled back.
    ///
    /// # Errors
    ///
    /// As [`Producer::fence`], and when this user may not write to the topics, or nobody can at present.
    pub fn probe(cluster: &Cluster, compacted: &[String]) -> Result<(), Error> {
        let id = format!("{}-check", cluster.topics().cursors());
        let mut producer = Self::fence_as(cluster, id)?;
        for topic in compacted {
            let mut transaction = producer.begin()?;
            transaction.send(&Record {
                topic,
                key: None,
                value: b"",
                timestamp: 0,
                headers: &[],
            })?;
            match transaction.refused() {
                Some(error @ Error::Rejected { .. }) if !error.is_outage() => {}
                Some(error) => return Err(error),
                None => {}
            }
            transaction.abort()?;
        }
        Ok(())
    }
}
