//! One reference: where it leads, and what is found there.

use std::{
    env, fmt, fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

use secrecy::SecretString;

use super::{SecretError, SyntaxError};

/// Where a secret is kept. Its `Display` form is `${file:…}` or `${env:…}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// A file's content.
    File(PathBuf),
    /// An environment variable.
    Env(String),
}

/// The largest file that may be a secret.
const FILE_LIMIT: u64 = 64 * 1024;

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
            _ => Err(SyntaxError(format!(
                "there is no provider '{}': write ${{env:NAME}} or ${{file:/path}}",
                provider.escape_debug()
            ))),
        }
    }

    pub(super) fn resolve(&self) -> Result<SecretString, SecretError> {
        let content = match self {
            Self::File(path) => read(path),
            Self::Env(name) => env::var(name).map_err(|error| match error {
                env::VarError::NotPresent => "this environment variable is not set".to_owned(),
                env::VarError::NotUnicode(_) => "this environment variable is not UTF-8".to_owned(),
            }),
        };
        content
            .and_then(|content| {
                if content.is_empty() {
                    return Err("it is empty".to_owned());
                }
                Ok(content.into())
            })
            .map_err(|why| SecretError {
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
        .and_then(|file| file.take(FILE_LIMIT + 1).read_to_end(&mut content))
        .map_err(in_words)?;
    if u64::try_from(content.len()).is_ok_and(|length| length > FILE_LIMIT) {
        return Err(format!("this file is longer than {FILE_LIMIT} bytes"));
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
