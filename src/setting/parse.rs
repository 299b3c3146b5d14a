//! Texts to typed values. An error is what a message says after the value: `is no whole number`.

use std::{fmt, fs::File, io, ops::RangeInclusive, path::Path};

/// Any text that is not blank, without control characters.
///
/// # Errors
///
/// A blank text or one with control characters.
pub fn text(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("is blank".to_owned());
    }
    if text.chars().any(char::is_control) {
        return Err("has control characters or line breaks in it".to_owned());
    }
    Ok(text.to_owned())
}

/// Opens a file.
///
/// # Errors
///
/// There is none, or it may not be read.
pub fn open(path: &Path) -> Result<File, String> {
    let file = File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => "cannot be read: there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "cannot be read: the worker may not".to_owned(),
        _ => format!("cannot be read: {error}"),
    })?;
    if file.metadata().is_ok_and(|about| about.is_dir()) {
        return Err("is a directory, a file is needed".to_owned());
    }
    Ok(file)
}

/// `true` or `false`, in small or capital letters as Kafka has them.
///
/// # Errors
///
/// Any other text.
pub fn boolean(text: &str) -> Result<bool, String> {
    match text.trim() {
        word if word.eq_ignore_ascii_case("true") => Ok(true),
        word if word.eq_ignore_ascii_case("false") => Ok(false),
        _ => Err("is neither true nor false".to_owned()),
    }
}

/// A whole number in `range`.
///
/// # Errors
///
/// No whole number, or one outside of the range.
pub fn whole<T>(range: RangeInclusive<T>) -> impl Fn(&str) -> Result<T, String>
where
    T: TryFrom<i128> + Copy + fmt::Display + Into<i128>,
{
    move |text| {
        let (least, most) = (*range.start(), *range.end());
        let number: i128 = text
            .trim()
            .parse()
            .map_err(|_| "is no whole number".to_owned())?;
        if number < least.into() {
            return Err(format!("is too small, {least} is the least"));
        }
        T::try_from(number)
            .ok()
            .filter(|_| number <= most.into())
            .ok_or_else(|| format!("is too large, {most} is the most"))
    }
}

/// One of a few words.
///
/// # Errors
///
/// Any other text.
pub fn choice<T: Copy>(words: &[(&str, T)]) -> impl Fn(&str) -> Result<T, String> {
    move |text| {
        words
            .iter()
            .find(|(word, _)| *word == text.trim())
            .map(|(_, choice)| *choice)
            .ok_or_else(|| {
                let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
                format!("is none of {}", words.join(", "))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_range() {
        let page = whole(1..=1000_u16);
        assert_eq!(page("1000"), Ok(1000));
        assert_eq!(page(" 1 "), Ok(1));
        for (text, what) in [
            ("", "is no whole number"),
            ("1.0", "is no whole number"),
            ("1e3", "is no whole number"),
            ("0", "is too small, 1 is the least"),
            ("-70000", "is too small, 1 is the least"),
            ("1001", "is too large, 1000 is the most"),
            ("99999999999999999999", "is too large, 1000 is the most"),
        ] {
            assert_eq!(page(text), Err(what.to_owned()), "{text}");
        }
    }

    #[test]
    fn booleans_are_true_or_false() {
        assert_eq!(boolean("true"), Ok(true));
        assert_eq!(boolean("False"), Ok(false));
        assert_eq!(boolean("yes"), Err("is neither true nor false".to_owned()));
    }

    #[test]
    fn a_choice_names_all_words() {
        let key = choice(&[("user", 1), ("event", 2)]);
        assert_eq!(key("event"), Ok(2));
        assert_eq!(key("User"), Err("is none of user, event".to_owned()));
    }

    #[test]
    fn a_text_is_one_line_of_something() {
        assert_eq!(text("a b"), Ok("a b".to_owned()));
        assert_eq!(text(" "), Err("is blank".to_owned()));
        assert!(text("a\nb").is_err());
    }
}
