//! `onepassword-kafka hash-password` and `new-token`: hashes for `rest.credentials`, without another tool.

use std::io::{IsTerminal, Read, Write};

use anyhow::{Context as _, ensure};
use secrecy::{ExposeSecret, SecretString};

use crate::http::{PasswordHash, TokenHash};

/// A longer password would not fit into a request.
const LONGEST: u64 = 1024;

/// Reads a password from `input`, up to its end and without one line break there, and prints its hash.
///
/// # Errors
///
/// At a terminal, where the password would stay on the screen; and for what cannot be a password.
pub fn hash_password(
    input: &mut (impl Read + IsTerminal),
    output: &mut impl Write,
) -> anyhow::Result<()> {
    ensure!(
        !input.is_terminal(),
        "what is typed here would stay on the screen: write\n  \
         read -rs PASSWORD && printf %s \"$PASSWORD\" | onepassword-kafka hash-password"
    );
    let password = read(input)?;
    writeln!(output, "{}", PasswordHash::of(&password)).context("writing the hash")
}

/// Prints a new token, and its hash.
///
/// # Errors
///
/// When `output` cannot be written.
pub fn new_token(output: &mut impl Write) -> anyhow::Result<()> {
    let (token, hash) = TokenHash::create();
    writeln!(output, "token: {}\nhash:  {hash}", token.expose_secret()).context("writing the token")
}

fn read(input: &mut impl Read) -> anyhow::Result<SecretString> {
    let mut text = String::new();
    input
        .take(LONGEST + 1)
        .read_to_string(&mut text)
        .context("the password cannot be read")?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    ensure!(!text.is_empty(), "there is no password on standard input");
    ensure!(
        u64::try_from(text.len()).is_ok_and(|length| length <= LONGEST),
        "the password is longer than {LONGEST} bytes"
    );
    ensure!(
        !text.contains(char::is_control),
        "the password has line breaks or control characters in it"
    );
    Ok(text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(input: &[u8]) -> Result<String, String> {
        let password = read(&mut &*input).map_err(|error| error.to_string())?;
        Ok(password.expose_secret().to_owned())
    }

    #[test]
    fn a_password_is_one_line_of_something() {
        for input in ["a b", "a b\n", "a b\r\n"] {
            assert_eq!(password(input.as_bytes()), Ok("a b".to_owned()));
        }
        for (input, why) in [
            (&b""[..], "there is no password on standard input"),
            (b"\n", "there is no password on standard input"),
            (
                b"a\nb\n",
                "the password has line breaks or control characters in it",
            ),
            (b"\xff", "the password cannot be read"),
            (&[b'x'; 2000], "the password is longer than 1024 bytes"),
        ] {
            assert_eq!(password(input), Err(why.to_owned()));
        }
    }
}
