//! References to secrets, in the syntax of Kafka Connect's config providers.
//!
//! `${file:/path}` stands for the whole content of a file, without one line break at its end; `${env:NAME}` stands
//! for an environment variable; `${sealed:…}` holds a connector's token, which the worker's key opens. Any number of
//! them may stand anywhere in a value. A reference is read anew at every use, so that a rotated secret is picked up
//! without a restart. What a reference leads to is not expanded again, is never part of an error, and never shown by
//! `Debug`.

mod reach;
mod reference;
mod sealing;

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

pub use self::{
    reach::{OutOfReach, Reach},
    reference::Reference,
    sealing::{Keyring, OpenError, SealError, Sealed, SealingKey},
};

/// A value with references in it. Its `Debug` form shows these, and `…` for any other text.
#[derive(Clone, PartialEq, Eq)]
pub struct Template(Vec<Part>);

/// A text that is no well-formed template. It quotes no more than the reference's provider, path or name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SyntaxError(String);

/// A reference that leads to nothing usable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reference}: {why}")]
pub struct SecretError {
    reference: Reference,
    why: String,
}

/// A value that cannot be expanded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExpandError {
    /// It is not well-formed.
    #[error(transparent)]
    Syntax(#[from] SyntaxError),
    /// One of its references is not its author's to write.
    #[error(transparent)]
    OutOfReach(#[from] OutOfReach),
    /// It has a sealed reference, whose secret would be shown or repeated where it stands.
    #[error("{0} is sealed: sealed references are for connectors' tokens only")]
    Sealed(Reference),
    /// One of its references leads to nothing usable.
    #[error(transparent)]
    Secret(#[from] SecretError),
}

#[derive(Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Reference(Reference),
}

/// The longest secret.
const LIMIT: usize = 64 * 1024;

// === impl Template ===

impl Template {
    /// Reads a value as it was written; nothing is looked up.
    ///
    /// # Errors
    ///
    /// A reference is not closed, has no provider or an unknown one, or names a path that is not absolute.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, reference)) = rest.split_once("${") {
            let (reference, after) = reference.split_once('}').ok_or_else(|| {
                SyntaxError("a reference begins with ${ and is not closed by }".to_owned())
            })?;
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            parts.push(Part::Reference(Reference::parse(reference)?));
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self(parts))
    }

    /// Reads all references now, the sealed ones with a key of `keyring`. It does blocking file I/O.
    ///
    /// # Errors
    ///
    /// A file is missing, unreadable, empty, longer than 64 KiB or not UTF-8; a variable is not set or empty; there is
    /// no key for what is sealed, or it is damaged.
    pub fn resolve(&self, keyring: &Keyring) -> Result<SecretString, SecretError> {
        let mut resolved = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => resolved.push_str(text),
                Part::Reference(reference) => {
                    resolved.push_str(reference.resolve(keyring)?.expose_secret());
                }
            }
        }
        Ok(resolved.into())
    }

    /// Whether there is no reference in it.
    #[must_use]
    pub fn is_literal(&self) -> bool {
        self.references().next().is_none()
    }

    /// All references in it.
    pub fn references(&self) -> impl Iterator<Item = &Reference> {
        self.0.iter().filter_map(|part| match part {
            Part::Text(_) => None,
            Part::Reference(reference) => Some(reference),
        })
    }

    /// What is sealed, where there is nothing else.
    fn only_sealed(&self) -> Option<&Sealed> {
        match self.0.as_slice() {
            [Part::Reference(Reference::Sealed(sealed))] => Some(sealed),
            _ => None,
        }
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.0 {
            match part {
                Part::Text(_) => f.write_str("…")?,
                Part::Reference(reference) => write!(f, "{reference}")?,
            }
        }
        Ok(())
    }
}

/// The text with all of its references resolved.
///
/// # Errors
///
/// The text is not well-formed, or a reference is sealed, out of reach or leads to nothing usable.
pub fn expand(text: &str, reach: &Reach) -> Result<String, ExpandError> {
    let template = Template::parse(text)?;
    reach.check(&template)?;
    let mut references = template.references();
    if let Some(sealed) = references.find(|reference| matches!(reference, Reference::Sealed(_))) {
        return Err(ExpandError::Sealed(sealed.clone()));
    }
    Ok(template
        .resolve(&Keyring::default())?
        .expose_secret()
        .to_owned())
}

#[cfg(test)]
mod tests {
    use std::{env, fs, path::PathBuf};

    use super::*;

    /// Cargo sets it for every test.
    const VARIABLE: &str = "CARGO_PKG_NAME";

    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str, content: &[u8]) -> Self {
            let name = format!("onepassword-kafka-{}-{name}", std::process::id());
            let path = env::temp_dir().join(name);
            fs::write(&path, content).unwrap();
            Self(path)
        }

        fn template(&self) -> Template {
            Template::parse(&format!("${{file:{}}}", self.0.display())).unwrap()
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            fs::remove_file(&self.0).unwrap();
        }
    }

    fn resolved(template: &Template) -> String {
        template
            .resolve(&Keyring::default())
            .unwrap()
            .expose_secret()
            .to_owned()
    }

    fn why(template: &Template) -> String {
        template.resolve(&Keyring::default()).unwrap_err().why
    }

    #[test]
    fn references_may_stand_anywhere() {
        let file = Scratch::new("anywhere", b"from a file\n");
        let text = format!(
            "a ${{env:{VARIABLE}}}${{file:{}}} b $c }} {{",
            file.0.display()
        );
        let template = Template::parse(&text).unwrap();
        assert!(!template.is_literal());
        assert_eq!(
            resolved(&template),
            "a onepassword-kafkafrom a file b $c } {"
        );
    }

    #[test]
    fn a_text_without_references_is_itself() {
        for text in ["", "plain", "$", "{}", "}", "$ {env:X}"] {
            let template = Template::parse(text).unwrap();
            assert!(template.is_literal());
            assert_eq!(resolved(&template), text);
        }
    }

    #[test]
    fn what_is_not_well_formed_is_refused_with_the_way_to_write_it() {
        for (text, error) in [
            (
                "hidden ${env:X",
                "a reference begins with ${ and is not closed by }",
            ),
            (
                "${TOKEN}",
                "a reference needs a provider: write ${env:NAME} or ${file:/path}",
            ),
            (
                "${vault:a}",
                "there is no provider 'vault': write ${env:NAME} or ${file:/path}",
            ),
            (
                "${sealed:hidden}",
                "a sealed reference is damaged: seal the token again",
            ),
            (
                "${file:token}",
                "${file:token} needs an absolute path: write ${file:/run/secrets/token}, for example",
            ),
            (
                "${file:/a:b}",
                "${file:/a:b} names a key after the path: here the whole file is the value",
            ),
            (
                "${env:}",
                "'' cannot be the name of an environment variable",
            ),
            (
                "${env:A=B}",
                "'A=B' cannot be the name of an environment variable",
            ),
        ] {
            assert_eq!(Template::parse(text).unwrap_err().to_string(), error);
        }
    }

    #[test]
    fn a_rotated_file_is_picked_up() {
        let file = Scratch::new("rotated", b"first\r\n");
        let template = file.template();
        assert_eq!(resolved(&template), "first");
        fs::write(&file.0, "second\n\n").unwrap();
        assert_eq!(resolved(&template), "second\n");
    }

    #[test]
    fn a_file_that_cannot_be_a_secret_is_refused_without_its_content() {
        let long = vec![b'x'; 64 * 1024 + 1];
        for (name, content, error) in [
            ("empty", &b"\n"[..], "it is empty"),
            ("binary", &b"hidden \xff"[..], "this file is not UTF-8"),
            ("long", &long[..], "this file is longer than 65536 bytes"),
        ] {
            assert_eq!(why(&Scratch::new(name, content).template()), error);
        }
        let longest = Scratch::new("longest", &long[1..]);
        assert_eq!(resolved(&longest.template()).len(), 64 * 1024);
        let directory = Template::parse("${file:/}").unwrap();
        assert_eq!(why(&directory), "this is no regular file");
    }

    #[test]
    fn errors_name_the_reference() {
        for (text, error) in [
            (
                "hidden${file:/no/such/file}",
                "${file:/no/such/file}: there is no such file",
            ),
            (
                "hidden${env:NO_SUCH_VARIABLE}",
                "${env:NO_SUCH_VARIABLE}: this environment variable is not set",
            ),
            (
                "hidden${sealed:01234567.aGlkZGVu}",
                "${sealed:01234567.…} is sealed: sealed references are for connectors' tokens only",
            ),
        ] {
            let error = error.to_owned();
            assert_eq!(
                expand(text, &Reach::Everywhere).unwrap_err().to_string(),
                error
            );
        }
    }

    #[test]
    fn debug_shows_references_only() {
        let template = Template::parse("hidden${env:A}hidden${file:/b}").unwrap();
        assert_eq!(format!("{template:?}"), "…${env:A}…${file:/b}");
        let secret = Template::parse(&format!("${{env:{VARIABLE}}}"))
            .unwrap()
            .resolve(&Keyring::default());
        assert!(!format!("{secret:?}").contains("onepassword"));
    }
}
