//! From written values to typed settings.

use std::path::PathBuf;

use super::{Fault, Mistakes, Setting, Values, open, text};

/// Reads the settings of one owner from `values`, and notes every mistake.
#[derive(Debug)]
pub struct Reader<'a> {
    values: &'a Values,
    mistakes: &'a mut Mistakes,
}

/// A setting that cannot be had; why is among the mistakes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reported;

// === impl Reader ===

impl<'a> Reader<'a> {
    /// Reads from `values`.
    pub const fn new(values: &'a Values, mistakes: &'a mut Mistakes) -> Self {
        Self { values, mistakes }
    }

    /// The value of a setting that is required or has a default.
    ///
    /// # Errors
    ///
    /// It is missing, or `parse` refuses it.
    pub fn one<T>(
        &mut self,
        setting: &Setting,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<T, Reported> {
        match self.maybe(setting, parse)? {
            Some(value) => Ok(value),
            None => Err(self.refuse(setting, "is missing")),
        }
    }

    /// The value of a setting that may be absent.
    ///
    /// # Errors
    ///
    /// `parse` refuses it.
    pub fn maybe<T>(
        &mut self,
        setting: &Setting,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<T>, Reported> {
        let Some(value) = self.values.get(setting.name) else {
            return Ok(setting
                .default_value()
                .map(|text| parse(text).expect("a declared default is a good value")));
        };
        let parsed = parse(value.text().ok_or(Reported)?);
        parsed.map(Some).map_err(|what| {
            let what = format!("{} {what}", value.shown(setting.kind));
            self.refuse(setting, what)
        })
    }

    /// The items of a list; none where it is not given. Each item that `parse` refuses is a mistake of its own.
    ///
    /// # Errors
    ///
    /// `parse` refuses an item.
    pub fn list<T>(
        &mut self,
        setting: &Setting,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<Vec<T>>, Reported> {
        let Some(value) = self.values.get(setting.name) else {
            return Ok(setting.default_value().map(|text| {
                items(text)
                    .map(|item| parse(item).expect("a declared default is a good value"))
                    .collect()
            }));
        };
        let read = items(value.text().ok_or(Reported)?).map(|item| {
            parse(item).map_err(|what| {
                let what = format!("{} {what}", value.shown_part(setting.kind, item));
                self.refuse(setting, what)
            })
        });
        // All of them first: a bad item must not hide the next.
        let read: Vec<_> = read.collect();
        read.into_iter().collect::<Result<_, _>>().map(Some)
    }

    /// A file that can be read now, where the setting is given.
    ///
    /// # Errors
    ///
    /// A blank text, or no such file.
    pub fn file(&mut self, setting: &Setting) -> Result<Option<PathBuf>, Reported> {
        let path = self.maybe(setting, |path| text(path).map(PathBuf::from))?;
        let opened = path.as_deref().map(open).transpose();
        opened.map(|_| path).map_err(|what| {
            let value = self.values.get(setting.name);
            let value = value.map(|value| value.shown(setting.kind));
            let what = format!("{} {what}", value.unwrap_or_default());
            let line = self.values.line(setting.name);
            self.mistakes
                .blame(Fault::Machine, setting.name, line, what);
            Reported
        })
    }

    /// Refuses each of two settings that stands without the other, also where its value could not be read.
    ///
    /// # Errors
    ///
    /// One of them does.
    pub fn together(&mut self, one: &Setting, other: &Setting) -> Result<(), Reported> {
        let lonely = match (self.is_given(one), self.is_given(other)) {
            (true, false) => (one, other),
            (false, true) => (other, one),
            _ => return Ok(()),
        };
        Err(self.refuse(lonely.0, format!("needs {} beside it", lonely.1.name)))
    }

    /// Whether a setting has a value, also one that could not be read.
    #[must_use]
    pub fn is_given(&self, setting: &Setting) -> bool {
        self.values.get(setting.name).is_some()
    }

    /// Notes a mistake at the setting's place.
    pub fn refuse(&mut self, setting: &Setting, what: impl Into<String>) -> Reported {
        let line = self.values.line(setting.name);
        self.mistakes.add(setting.name, line, what);
        Reported
    }
}

/// Notes every name that is not `known`, with the nearest one that is. An empty section does no harm.
///
/// # Errors
///
/// There is such a name.
pub fn refuse_unknown<'a>(
    values: &Values,
    known: impl IntoIterator<Item = &'a Setting>,
    mistakes: &mut Mistakes,
) -> Result<(), Reported> {
    let known: Vec<_> = known.into_iter().map(|setting| setting.name).collect();
    let mut result = Ok(());
    for name in values.names().filter(|name| !known.contains(name)) {
        let section = below(name, &known);
        if section.is_some() && values.get(name).is_none() {
            continue;
        }
        let advice = match (section, nearest(name, &known)) {
            (Some(below), _) => format!(", settings such as {below} are expected below it"),
            (None, Some(nearest)) => format!(", the nearest is {nearest}"),
            (None, None) => String::new(),
        };
        let what = format!("there is no such setting{advice}");
        mistakes.add(name, values.line(name), what);
        result = Err(Reported);
    }
    result
}

/// The known name that is most like `name`.
#[must_use]
pub fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let likeness = |known: &str| strsim::normalized_damerau_levenshtein(name, known);
    known
        .iter()
        .copied()
        .max_by(|a, b| likeness(a).total_cmp(&likeness(b)))
}

/// A setting of the section `name`.
fn below<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let is_below = |known: &&str| {
        known
            .strip_prefix(name)
            .is_some_and(|rest| rest.starts_with('.'))
    };
    known.iter().copied().find(is_below)
}

fn items(list: &str) -> impl Iterator<Item = &str> {
    list.split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty())
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Fallback, Kind, Value, whole},
        *,
    };
    use crate::secret::Reach;

    const NAME: Setting = Setting::new("name", Kind::String, Fallback::Required, "");
    const LIMIT: Setting = Setting::new("limit", Kind::Int, Fallback::Value("7"), "");
    const SECRET: Setting = Setting::new("secret", Kind::Password, Fallback::Words("none"), "");
    const LIST: Setting = Setting::new("list", Kind::List, Fallback::Words("all"), "");

    fn values(pairs: &[(&str, &str)]) -> Values {
        (1..)
            .zip(pairs)
            .map(|(line, &(name, text))| (name.to_owned(), Value::new(text.to_owned(), Some(line))))
            .collect()
    }

    #[test]
    fn what_is_not_given_is_required_or_has_a_default_or_is_absent() {
        let (values, mut mistakes) = (values(&[]), Mistakes::new());
        let mut reader = Reader::new(&values, &mut mistakes);
        assert_eq!(reader.one(&NAME, text), Err(Reported));
        assert_eq!(reader.one(&LIMIT, whole(1..=9)), Ok(7));
        assert_eq!(reader.maybe(&SECRET, text), Ok(None));
        assert_eq!(reader.list(&LIST, text), Ok(None));
        assert_eq!(mistakes.to_string(), "name: is missing");
    }

    #[test]
    fn every_mistake_is_noted_and_no_secret_is_told() {
        let values = values(&[("limit", "10"), ("secret", "  "), ("list", "1, x,2,y")]);
        let mut mistakes = Mistakes::new();
        let mut reader = Reader::new(&values, &mut mistakes);
        assert_eq!(reader.one(&LIMIT, whole(1..=9)), Err(Reported));
        assert_eq!(reader.maybe(&SECRET, text), Err(Reported));
        assert_eq!(reader.list(&LIST, whole(1..=9)), Err(Reported));
        assert_eq!(
            mistakes.to_string(),
            "limit, line 1: 10 is too large, 9 is the most\nsecret, line 2: the value is blank\n\
             list, line 3: 'x' is no whole number\nlist, line 3: 'y' is no whole number"
        );
    }

    #[test]
    fn a_value_that_could_not_be_read_is_not_reported_twice() {
        let (mut values, mut mistakes) = (values(&[("name", "${")]), Mistakes::new());
        values.expand(&Reach::Everywhere, &mut mistakes);
        let mut reader = Reader::new(&values, &mut mistakes);
        assert_eq!(reader.one(&NAME, text), Err(Reported));
        assert_eq!(mistakes.iter().count(), 1);
    }

    #[test]
    fn a_file_is_there_now() {
        let values = values(&[("name", "/no/such"), ("limit", "/"), ("list", "Cargo.toml")]);
        let mut mistakes = Mistakes::new();
        let mut reader = Reader::new(&values, &mut mistakes);
        assert_eq!(reader.file(&NAME), Err(Reported));
        assert_eq!(reader.file(&LIMIT), Err(Reported));
        assert_eq!(reader.file(&LIST), Ok(Some("Cargo.toml".into())));
        assert_eq!(reader.file(&SECRET), Ok(None));
        assert_eq!(
            mistakes.to_string(),
            "name, line 1: '/no/such' cannot be read: there is no such file\n\
             limit, line 2: '/' is a directory, a file is needed"
        );
        assert_eq!(mistakes.split_off_machines().len(), 2);
    }

    #[test]
    fn an_unknown_name_is_told_the_nearest_known_one() {
        let mut mistakes = Mistakes::new();
        let values = values(&[("limits", "1"), ("list", "")]);
        let known = [&NAME, &LIMIT, &LIST];
        assert_eq!(refuse_unknown(&values, known, &mut mistakes), Err(Reported));
        assert_eq!(
            mistakes.to_string(),
            "limits, line 1: there is no such setting, the nearest is limit"
        );
    }
}
