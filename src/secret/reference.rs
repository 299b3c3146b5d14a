//! One reference: where it leads, and what is found there.

use std::{
    env, fmt, fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

use secrecy::SecretString;

use super::{Keyring, LIMIT, OpenError, Sealed, SecretError, SyntaxError};

/// Where a secret is kept. Its `Display` form is `${file:…}` or `${env:…}`, or of a sealed one `${sealed:` and the id of
/// its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// A file's content.
    File(PathBuf),
    /// An environment variable.
    Env(String),
    /// In the reference itself, for whoever has the key.
    Sealed(Sealed),
}

// === impl Reference ===

impl Reference {
    /// Reads what stands between `${` and `}`.
    pub(super) fn parse(text: &str) -> Result<Self, SyntaxError> {
        let Some((provider, target)) = text.split_once(':') else {
            return Err(SyntaxError(
                "a reference needs a provider: write ${env:NAME} or ${file:/path}".to_owned(),
            ));
        };
        match provider {
            "file" => file(target),
            "env" => variable(target),
            "sealed" => Sealed::parse(target)
                .map(Self::Sealed)
                .ok_or_else(|| SyntaxError(format!("a sealed reference {}", OpenError::Damaged))),
            _ => Err(SyntaxError(format!(
                "there is no provider '{}': write ${{env:NAME}} or ${{file:/path}}",
                provider.escape_debug()
            ))),
        }
    }

    pub(super) fn resolve(&self, keyring: &Keyring) -> Result<SecretString, SecretError> {
        let secret = match self {
            Self::File(path) => read(path).and_then(not_empty),
            Self::Env(name) => env::var(name)
                .map_err(|error| unset(&error))
                .and_then(not_empty),
            Self::Sealed(sealed) => keyring.open(sealed).map_err(|error| error.to_string()),
        };
        secret.map_err(|why| SecretError {
            reference: self.clone(),
            why,
        })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "${{file:{}}}", path.display()),
            Self::Env(name) => write!(f, "${{env:{name}}}"),
            Self::Sealed(sealed) => write!(f, "${{sealed:{sealed}}}"),
        }
    }
}

fn file(path: &str) -> Result<Reference, SyntaxError> {
    let path = path.trim();
    if !Path::new(path).is_absolute() {
        return Err(SyntaxError(format!(
            "${{file:{0}}} needs an absolute path: write ${{file:/run/secrets/{0}}}, for example",
            path.escape_debug()
        )));
    }
    if path.contains(':') {
        return Err(SyntaxError(format!(
            "${{file:{}}} names a key after the path: here the whole file is the value",
            path.escape_debug()
        )));
    }
    Ok(Reference::File(path.into()))
}

fn variable(name: &str) -> Result<Reference, SyntaxError> {
    let name = name.trim();
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    if name.is_empty() || !name.chars().all(good) {
        return Err(SyntaxError(format!(
            "'{}' cannot be the name of an environment variable",
            name.escape_debug()
        )));
    }
    Ok(Reference::Env(name.to_owned()))
}

fn not_empty(content: String) -> Result<SecretString, String> {
    if content.is_empty() {
        return Err("it is empty".to_owned());
    }
    Ok(content.into())
}

fn unset(error: &env::VarError) -> String {
    match error {
        env::VarError::NotPresent => "this environment variable is not set".to_owned(),
        env::VarError::NotUnicode(_) => "this environment variable is not UTF-8".to_owned(),
    }
}

fn read(path: &Path) -> Result<String, String> {
    let in_words = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "the worker may not read this file".to_owned(),
        _ => format!("this file cannot be read: {error}"),
    };
    // Asked before opening, for opening a pipe may wait for ever.
    if !fs::metadata(path).map_err(in_words)?.is_file() {
        return Err("this is no regular file".to_owned());
    }
    let mut content = Vec::new();
    fs::File::open(path)
        .and_then(|file| {
            let most = u64::try_from(LIMIT + 1).expect("64 KiB is not much");
            file.take(most).read_to_end(&mut content)
        })
        .map_err(in_words)?;
    if content.len() > LIMIT {
        return Err(format!("this file is longer than {LIMIT} bytes"));
    }
    let mut content =
        String::from_utf8(content).map_err(|_| "this file is not UTF-8".to_owned())?;
    if content.ends_with('\n') {
        content.pop();
        if content.ends_with('\r') {
            content.pop();
        }
    }
    Ok(content)
}
