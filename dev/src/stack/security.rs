//! A broker that asks its clients who they are, and lets each do what it was allowed to.
//!
//! Its plain listener stays: who comes there is `User:ANONYMOUS`, the one superuser, so that tests look at everything as they
//! do elsewhere. The others are for clients with certificates ([`Security::mutual_tls`]) and for users
//! ([`Security::sasl`]: `SCRAM-SHA-512`, `PLAIN`, and `OAUTHBEARER` with tokens that nobody has signed). What they may do an
//! administrator says, with the commands that others would type ([`Security::administer`]).

use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
};

use openssl::error::ErrorStack;

use super::{StackError, ports::free_port};
use crate::tls::{Certificate, Identity, Validity};

/// What clients of a secured broker need.
#[derive(Debug)]
pub struct Security {
    identity: Identity,
    folder: PathBuf,
    users: &'static [&'static str],
    tls_port: u16,
    sasl_port: u16,
}

/// How Kafka's own tools are run.
pub(super) struct Tool {
    pub(super) java: PathBuf,
    pub(super) class_path: String,
}

/// The superuser among the users.
const ADMINISTRATOR: &str = "administrator";

const ACLS: &str = "org.apache.kafka.tools.AclCommand";
const QUICK: &str = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:-UsePerfData";
/// Where Kafka's login modules are.
const JAAS: &str = "org.apache.kafka.common.security";

// === impl Security ===

impl Security {
    /// New certificates and ports; the files go into `folder`.
    pub(super) fn create(
        folder: &Path,
        users: &'static [&'static str],
        tool: &Tool,
    ) -> Result<Self, StackError> {
        let port = || free_port().map_err(StackError::io("find a free port"));
        let identity = Identity::without_address();
        let security = Self {
            identity: identity
                .map_err(|error| StackError::failed("making certificates", error.to_string()))?,
            folder: folder.to_owned(),
            users,
            tls_port: port()?,
            sasl_port: port()?,
        };
        security
            .write(tool)
            .map_err(StackError::io("write certificates"))?;
        Ok(security)
    }

    /// Where clients with a certificate connect.
    #[must_use]
    pub fn mutual_tls(&self) -> String {
        format!("localhost:{}", self.tls_port)
    }

    /// Where users connect.
    #[must_use]
    pub fn sasl(&self) -> String {
        format!("localhost:{}", self.sasl_port)
    }

    /// The same as an address, which the broker's certificate does not name.
    #[must_use]
    pub fn sasl_unnamed(&self) -> String {
        format!("127.0.0.1:{}", self.sasl_port)
    }

    /// The file with the authority's certificate.
    #[must_use]
    pub fn authority(&self) -> PathBuf {
        self.folder.join("authority.pem")
    }

    /// The password of `user`.
    #[must_use]
    pub fn password(user: &str) -> String {
        format!("password-of-{user}")
    }

    /// A certificate for `User:<name>`.
    ///
    /// # Errors
    ///
    /// When OpenSSL cannot.
    pub fn certificate(&self, name: &str, validity: Validity) -> Result<Certificate, ErrorStack> {
        self.identity.client(name, validity)
    }

    /// Runs lines for a shell, all at the same time, as an administrator who has `kafka-acls.sh` and `admin.properties`. It
    /// blocks.
    ///
    /// # Errors
    ///
    /// When one fails, with what it has printed.
    pub fn administer(&self, lines: &str) -> Result<(), StackError> {
        let run = |line: &str| {
            let path = std::env::var("PATH").unwrap_or_default();
            let path = format!("{}:{path}", self.folder.display());
            let output = Command::new("sh")
                .args(["-c", line])
                .current_dir(&self.folder)
                .env("PATH", path)
                .stdin(Stdio::null())
                .output()
                .map_err(StackError::io("start a shell"))?;
            if output.status.success() {
                return Ok(());
            }
            let printed = [output.stdout, output.stderr].concat();
            let printed = String::from_utf8_lossy(&printed);
            Err(StackError::failed(line, printed.trim()))
        };
        thread::scope(|scope| {
            let running: Vec<_> = lines
                .lines()
                .map(|line| scope.spawn(move || run(line)))
                .collect();
            running
                .into_iter()
                .try_for_each(|run| run.join().expect("running a shell does not panic"))
        })
    }

    /// The broker's settings beside those of every broker.
    pub(super) fn settings(&self) -> Vec<(String, String)> {
        let authority = self.authority().display().to_string();
        let server = self.folder.join("broker.pem").display().to_string();
        let plain = self
            .users()
            .map(|user| format!(" user_{user}=\"{}\"", Self::password(user)));
        let plain: String = plain.collect();
        let settings = [
            (
                "authorizer.class.name",
                "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            ),
            (
                "super.users",
                &format!("User:ANONYMOUS;User:{ADMINISTRATOR}"),
            ),
            ("ssl.keystore.type", "PEM"),
            ("ssl.keystore.location", &server),
            ("ssl.truststore.type", "PEM"),
            ("ssl.truststore.location", &authority),
            ("listener.name.ssl.ssl.client.auth", "required"),
            ("ssl.principal.mapping.rules", "RULE:^CN=(.*)$/$1/"),
            ("sasl.enabled.mechanisms", "SCRAM-SHA-512,PLAIN,OAUTHBEARER"),
            (
                "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config",
                &format!("{JAAS}.scram.ScramLoginModule required;"),
            ),
            (
                "listener.name.sasl_ssl.plain.sasl.jaas.config",
                &format!("{JAAS}.plain.PlainLoginModule required{plain};"),
            ),
            (
                "listener.name.sasl_ssl.oauthbearer.sasl.jaas.config",
                &format!("{JAAS}.oauthbearer.OAuthBearerLoginModule required;"),
            ),
        ];
        settings
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into()
    }

    /// Its listeners, as `listeners` has them, at `host`.
    pub(super) fn listeners(&self, host: &str) -> String {
        let Self {
            tls_port,
            sasl_port,
            ..
        } = self;
        format!(",SSL://{host}:{tls_port},SASL_SSL://{host}:{sasl_port}")
    }

    /// What `StorageTool format` is told of the users: SCRAM's are kept in the cluster itself.
    pub(super) fn format_arguments(&self) -> Vec<String> {
        let scram = |user: &str| {
            let password = Self::password(user);
            let credentials = format!("SCRAM-SHA-512=[name={user},password={password}]");
            ["--add-scram".to_owned(), credentials]
        };
        self.users().flat_map(scram).collect()
    }

    fn users(&self) -> impl Iterator<Item = &'static str> {
        self.users.iter().copied().chain([ADMINISTRATOR])
    }

    fn write(&self, tool: &Tool) -> io::Result<()> {
        let Identity {
            authority,
            certificate,
            key,
            ..
        } = &self.identity;
        fs::write(self.authority(), authority)?;
        fs::write(
            self.folder.join("broker.pem"),
            [key.as_slice(), certificate].concat(),
        )?;
        fs::write(self.folder.join("admin.properties"), self.administrator())?;
        let script = self.folder.join("kafka-acls.sh");
        let Tool { java, class_path } = tool;
        let java = java.display();
        fs::write(
            &script,
            format!("#!/bin/sh\nexec '{java}' {QUICK} -cp '{class_path}' {ACLS} \"$@\"\n"),
        )?;
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755))
    }

    /// How Kafka's own tools sign in.
    fn administrator(&self) -> String {
        format!(
            "security.protocol=SASL_SSL\n\
             sasl.mechanism=PLAIN\n\
             sasl.jaas.config={JAAS}.plain.PlainLoginModule required username=\"{ADMINISTRATOR}\" password=\"{}\";\n\
             ssl.truststore.type=PEM\n\
             ssl.truststore.location={}\n",
            Self::password(ADMINISTRATOR),
            self.authority().display()
        )
    }
}
