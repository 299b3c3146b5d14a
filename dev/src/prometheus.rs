//! A real Prometheus that scrapes workers each second, as whoever runs them would have it.

use std::{fs, io, net::SocketAddr, path::Path, time::Duration};

use serde_json::Value;

use crate::{
    process::{Process, Scratch},
    stack::ports::free_port,
};

/// A running Prometheus. Dropping it ends it, and deletes what it has gathered.
#[derive(Debug)]
pub struct Prometheus {
    address: String,
    // The process goes before its folder.
    process: Process,
    _folder: Scratch,
}

/// How often it is looked whether it is ready.
const LOOK: Duration = Duration::from_millis(100);
const NEEDED: &str =
    "Prometheus is needed: on Debian the package prometheus, without those that it recommends";

// === impl Prometheus ===

impl Prometheus {
    /// Starts one that scrapes `workers` and judges by `rules`, and waits until it is ready.
    ///
    /// # Errors
    ///
    /// When there is no Prometheus on this machine, or it does not like its files.
    pub async fn start(workers: &[SocketAddr], rules: &Path) -> io::Result<Self> {
        let folder = Scratch::new_in(&std::env::temp_dir())?;
        let targets: Vec<_> = workers.iter().map(|worker| format!("'{worker}'")).collect();
        let config = format!(
            "\
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: ['{}']
scrape_configs:
  - job_name: onepassword
    static_configs: [{{targets: [{}]}}]
",
            rules.display(),
            targets.join(", ")
        );
        let file = folder.path().join("prometheus.yml");
        fs::write(&file, config)?;
        let address = format!("127.0.0.1:{}", free_port()?);
        let arguments = [
            format!("--config.file={}", file.display()),
            format!(
                "--storage.tsdb.path={}",
                folder.path().join("data").display()
            ),
            format!("--web.listen-address={address}"),
        ];
        let log = folder.path().join("log");
        let process = Process::start(Path::new("prometheus"), &arguments, &[], &log)?;
        let prometheus = Self {
            address,
            process,
            _folder: folder,
        };
        prometheus.is_ready().await?;
        Ok(prometheus)
    }

    /// The `data` of an answer of its API, such as `query` with `query=up`.
    ///
    /// # Errors
    ///
    /// When it does not answer, or not with success.
    pub async fn ask(&self, what: &str, parameters: &[(&str, &str)]) -> io::Result<Value> {
        let url = format!("http://{}/api/v1/{what}", self.address);
        let url = reqwest::Url::parse_with_params(&url, parameters).map_err(io::Error::other)?;
        let answer = reqwest::get(url).await.map_err(io::Error::other)?;
        let mut body: Value = answer.json().await.map_err(io::Error::other)?;
        if body["status"] == "success" {
            Ok(body["data"].take())
        } else {
            Err(io::Error::other(body["error"].to_string()))
        }
    }

    async fn is_ready(&self) -> io::Result<()> {
        let url = format!("http://{}/-/ready", self.address);
        loop {
            if self.process.ended_within(Duration::ZERO).is_some() {
                let printed = self.process.last_lines();
                return Err(io::Error::other(format!("{printed}\n{NEEDED}")));
            }
            if reqwest::get(&url)
                .await
                .is_ok_and(|answer| answer.status().is_success())
            {
                return Ok(());
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}
