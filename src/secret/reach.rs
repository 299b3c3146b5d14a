//! How far a reference may reach. The worker's operator may refer to anything; whoever may only declare a connector must
//! not be able to read the worker's files and environment through it.

use std::path::{Component, Path, PathBuf};

use super::{Reference, Template};

/// Which references somebody may write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// Any.
    Everywhere,
    /// These only.
    Within {
        /// Folders whose files, at any depth, may be referred to.
        dirs: Vec<PathBuf>,
        /// What the names of variables begin with that may be referred to; none may where it is empty.
        env_prefix: String,
    },
}

/// A reference that its author may not write.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reference} is out of reach: {why}")]
pub struct OutOfReach {
    reference: Reference,
    why: String,
}

// === impl Reach ===

impl Reach {
    /// Whether every reference of `template` is within reach.
    ///
    /// Paths are judged as they are written; a link below one of the folders is its owner's business.
    ///
    /// # Errors
    ///
    /// The first one that is not, and what its author or the worker's operator can do.
    pub fn check(&self, template: &Template) -> Result<(), OutOfReach> {
        let Self::Within { dirs, env_prefix } = self else {
            return Ok(());
        };
        for reference in template.references() {
            let judged = match reference {
                Reference::File(path) => file(path, dirs),
                Reference::Env(name) => variable(name, env_prefix),
                // Nobody could make it who has not had the secret.
                Reference::Sealed(_) => Ok(()),
            };
            judged.map_err(|why| OutOfReach {
                reference: reference.clone(),
                why,
            })?;
        }
        Ok(())
    }
}

fn file(path: &Path, dirs: &[PathBuf]) -> Result<(), String> {
    if dirs.is_empty() {
        return Err(
            "connectors may refer to no file, unless the worker's operator names folders in secrets.dirs"
                .to_owned(),
        );
    }
    let climbs = path.components().any(|part| part == Component::ParentDir);
    if climbs || !dirs.iter().any(|dir| path.starts_with(dir)) {
        let dirs: Vec<_> = dirs.iter().map(|dir| dir.display().to_string()).collect();
        return Err(format!(
            "connectors may refer to files below {} (secrets.dirs)",
            dirs.join(", ")
        ));
    }
    Ok(())
}

fn variable(name: &str, prefix: &str) -> Result<(), String> {
    if prefix.is_empty() {
        return Err(
            "connectors may refer to no variable, unless the worker's operator sets secrets.env.prefix"
                .to_owned(),
        );
    }
    if !name.starts_with(prefix) {
        return Err(format!(
            "connectors may refer to variables that begin with {prefix} (secrets.env.prefix)"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(reach: &Reach, text: &str) -> Result<(), String> {
        let template = Template::parse(text).unwrap();
        reach.check(&template).map_err(|error| error.to_string())
    }

    #[test]
    fn the_operator_may_refer_to_anything() {
        assert_eq!(
            judged(&Reach::Everywhere, "${file:/etc/passwd}${env:A}"),
            Ok(())
        );
    }

    #[test]
    fn others_stay_below_the_folders_and_behind_the_prefix() {
        let reach = Reach::Within {
            dirs: vec!["/run/secrets".into(), "/mnt/tokens".into()],
            env_prefix: "OP_".to_owned(),
        };
        for good in [
            "plain",
            "${file:/run/secrets/acme}",
            "${file:/mnt/tokens/a/b/..data/token}",
            "${env:OP_ACME}",
            "${sealed:01234567.aGlkZGVu}",
        ] {
            assert_eq!(judged(&reach, good), Ok(()), "{good}");
        }
        for bad in [
            "${file:/etc/passwd}",
            "${file:/run/secretsandmore/acme}",
            "${file:/run/secrets/../../etc/passwd}",
            "${file:/run/secrets/acme}${file:/proc/self/environ}",
        ] {
            let error = judged(&reach, bad).unwrap_err();
            assert!(
                error.ends_with(
                    "connectors may refer to files below /run/secrets, /mnt/tokens (secrets.dirs)"
                ),
                "{error}"
            );
        }
        assert_eq!(
            judged(&reach, "${env:PATH}").unwrap_err(),
            "${env:PATH} is out of reach: connectors may refer to variables that begin with OP_ (secrets.env.prefix)"
        );
    }

    #[test]
    fn nothing_is_in_reach_where_the_operator_has_said_nothing() {
        let reach = Reach::Within {
            dirs: Vec::new(),
            env_prefix: String::new(),
        };
        for text in ["${file:/run/secrets/acme}", "${env:A}"] {
            assert!(
                judged(&reach, text)
                    .unwrap_err()
                    .contains("unless the worker's operator")
            );
        }
    }
}
