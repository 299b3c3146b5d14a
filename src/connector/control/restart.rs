//! Connectors and tasks that are stopped and started.

use super::{
    super::{Refusal, Status, record::restart},
    Control,
};

// === impl Control ===

impl Control {
    /// Stops and starts what is asked for: the connector and, with `tasks`, its tasks, or of them what has failed. The status
    /// is what it is meanwhile.
    ///
    /// # Errors
    ///
    /// As [`Refusal`] says.
    pub async fn restart(
        &self,
        name: &str,
        tasks: bool,
        only_failed: bool,
    ) -> Result<Status, Refusal> {
        self.desired()
            .get(name)
            .ok_or_else(|| Refusal::unknown(name))?;
        let mut status = self
            .status(name)
            .ok_or_else(|| Refusal::NotFound(format!("Status for connector {name} not found")))?;
        let restarted = status.restart(tasks, only_failed);
        if restarted.connector || restarted.tasks {
            self.write_restart(name, restarted.tasks).await?;
        }
        Ok(status)
    }

    /// Stops and starts a task, with the connector's others.
    ///
    /// # Errors
    ///
    /// As [`Refusal`] says.
    pub async fn restart_task(&self, name: &str, task: i32) -> Result<(), Refusal> {
        let info = self.info(name).ok_or_else(|| Refusal::unknown(name))?;
        let known = u32::try_from(task).is_ok_and(|task| info.tasks.contains(&task));
        if !known {
            return Err(Refusal::NotFound(format!("Unknown task: {name}-{task}")));
        }
        self.write_restart(name, true).await
    }

    async fn write_restart(&self, name: &str, tasks: bool) -> Result<(), Refusal> {
        let name = name.to_owned();
        self.change(move |_| Ok((vec![restart(&name, tasks)], ())))
            .await
    }
}
