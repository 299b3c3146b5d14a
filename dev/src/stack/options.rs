//! Which stack is wanted, and the first way that serves it.

use std::env;

use super::{
    BOOTSTRAP_SERVERS, REGISTRY_URL, Stack, StackError, Way, blocking, docker::Docker, java::Java,
};

/// Which stack is wanted: [`Options::default`] is the first that serves.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    owner: Owner,
    pub(super) proxy: Option<u16>,
    pub(super) users: Option<&'static [&'static str]>,
}

/// Whose stack may it be?
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Owner {
    #[default]
    Anybody,
    ThisProcess,
}

// === impl Options ===

impl Options {
    /// Only a stack of this process's own, which it may stop and start.
    #[must_use]
    pub fn private(self) -> Self {
        Self {
            owner: Owner::ThisProcess,
            ..self
        }
    }

    /// A stack of this process's own whose broker has one more listener, [`Stack::proxy_upstream`], that sends its
    /// clients to `port` of the loopback interface: who begins at a proxy there stays on it.
    #[must_use]
    pub fn proxied_at(self, port: u16) -> Self {
        Self {
            proxy: Some(port),
            ..self.private()
        }
    }

    /// A stack of this process's own whose broker has listeners with TLS, [`Stack::security`], and rights: `users` may
    /// sign in there, and may do nothing before they are allowed to. It runs on Java only.
    #[must_use]
    pub fn secured(self, users: &'static [&'static str]) -> Self {
        Self {
            users: Some(users),
            ..self.private()
        }
    }

    /// Takes or starts such a stack, and waits until it answers.
    ///
    /// # Errors
    ///
    /// When there is none to have, with the reason in words for a person.
    pub async fn start(self) -> Result<Stack, StackError> {
        blocking(move || self.open()).await
    }

    fn open(self) -> Result<Stack, StackError> {
        if self.owner == Owner::Anybody
            && let Some((servers, url)) = named_servers(|name| env::var(name).ok())?
        {
            return Ok(Stack::foreign(servers, url));
        }
        if self.users.is_some() {
            let java = Java::start(self).map_err(|error| StackError::Unsecured {
                java: error.in_full(),
            });
            return Ok(Stack::owned(Way::Java, java?));
        }
        let docker = match Docker::start(self.proxy) {
            Ok(docker) => return Ok(Stack::owned(Way::Docker, docker)),
            Err(error) => error.in_full(),
        };
        match Java::start(self) {
            Ok(java) => Ok(Stack::owned(Way::Java, java)),
            Err(error) => Err(StackError::Nowhere {
                docker,
                java: error.in_full(),
            }),
        }
    }
}

/// The broker's addresses and the registry's URL, if both variables are set.
pub(super) fn named_servers(
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Option<(String, String)>, StackError> {
    let given = |name| variable(name).filter(|value| !value.trim().is_empty());
    match (given(BOOTSTRAP_SERVERS), given(REGISTRY_URL)) {
        (Some(servers), Some(url)) => Ok(Some((servers, url.trim_end_matches('/').to_owned()))),
        (None, None) => Ok(None),
        (Some(_), None) => Err(StackError::Half {
            set: BOOTSTRAP_SERVERS,
            missing: REGISTRY_URL,
        }),
        (None, Some(_)) => Err(StackError::Half {
            set: REGISTRY_URL,
            missing: BOOTSTRAP_SERVERS,
        }),
    }
}
