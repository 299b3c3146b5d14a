//! Declared settings: each owner declares a table once, and everything else is derived from it.
//!
//! A [`Setting`] says what may be set; the tables drive parsing, the nearest-name advice for unknown names and the
//! reference documentation. [`Values`] are what somebody has written, flat as in Kafka Connect. A [`Reader`] turns
//! them into typed settings and collects every [`Mistake`] on the way instead of stopping at the first.

mod mistake;
mod parse;
mod reader;
mod values;

pub use self::{
    mistake::{Fault, Mistake, Mistakes},
    parse::{boolean, choice, open, text, whole},
    reader::{Reader, Reported, nearest, refuse_unknown},
    values::{Value, Values},
};

/// One setting, as its owner declares it. The words are Kafka Connect's (`ConfigDef`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// Its full name, with dots.
    pub name: &'static str,
    /// The type of its value.
    pub kind: Kind,
    /// What holds where it is not given.
    pub fallback: Fallback,
    /// How much it matters to most people.
    pub importance: Importance,
    /// The room that its value needs in a form.
    pub width: Width,
    /// The heading that it belongs under in a form.
    pub group: &'static str,
    /// Its name in a form.
    pub display_name: &'static str,
    /// What it means: one or more sentences of Markdown, without a line break.
    pub doc: &'static str,
    /// The values that make sense, where there are only a few.
    pub recommended: &'static [&'static str],
    /// Whether these are all that there are.
    pub is_choice: bool,
    /// The least and the most that a number may be.
    pub range: Option<(i64, i64)>,
    /// Whether it is texts with commas between them, also where their kind is another than a list's.
    pub is_list: bool,
}

/// The type of a setting's value; Kafka Connect's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    String,
    /// A text that nobody may see.
    Password,
    /// A whole number of 32 bits.
    Int,
    /// A whole number of 64 bits.
    Long,
    /// `true` or `false`.
    Boolean,
    /// Texts with commas between them; in YAML also a list.
    List,
}

/// What holds where a setting is not given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fallback {
    /// Nothing: it must be given.
    Required,
    /// This value.
    Value(&'static str),
    /// Something that no value says, in words for the documentation.
    Words(&'static str),
}

/// How much a setting matters to most people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Importance {
    /// Look at it first.
    High,
    /// Some will want it.
    Medium,
    /// Few will.
    Low,
}

/// The room that a setting's value needs in a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Width {
    /// A number or a word.
    Short,
    /// A name.
    Medium,
    /// An address or a path.
    Long,
}

// === impl Setting ===

impl Setting {
    /// A setting of medium importance; the other methods refine it.
    #[must_use]
    pub const fn new(
        name: &'static str,
        kind: Kind,
        fallback: Fallback,
        doc: &'static str,
    ) -> Self {
        Self {
            name,
            kind,
            fallback,
            importance: Importance::Medium,
            width: match kind {
                Kind::Int | Kind::Long | Kind::Boolean => Width::Short,
                Kind::String | Kind::Password | Kind::List => Width::Medium,
            },
            group: "Common",
            display_name: name,
            doc,
            recommended: &[],
            is_choice: false,
            range: None,
            is_list: matches!(kind, Kind::List),
        }
    }

    /// With this importance.
    #[must_use]
    pub const fn importance(mut self, importance: Importance) -> Self {
        self.importance = importance;
        self
    }

    /// With the place that it has in a form: heading, name and room.
    #[must_use]
    pub const fn form(mut self, group: &'static str, name: &'static str, width: Width) -> Self {
        self.group = group;
        self.display_name = name;
        self.width = width;
        self
    }

    /// With the values that make sense.
    #[must_use]
    pub const fn recommending(mut self, values: &'static [&'static str]) -> Self {
        self.recommended = values;
        self
    }

    /// With the values that there are; of a list, its items.
    #[must_use]
    pub const fn choosing(mut self, values: &'static [&'static str]) -> Self {
        self.recommended = values;
        self.is_choice = true;
        self
    }

    /// With the least and the most that its number may be.
    #[must_use]
    pub const fn within(mut self, least: i64, most: i64) -> Self {
        self.range = Some((least, most));
        self
    }

    /// With commas between texts of its kind.
    #[must_use]
    pub const fn several(mut self) -> Self {
        self.is_list = true;
        self
    }

    /// Reads a number of its range, all of which `T` can be.
    pub fn whole<T: TryFrom<i64>>(&self) -> impl Fn(&str) -> Result<T, String> {
        let (least, most) = self.range.expect("a number's setting has a range");
        let parse = whole(least..=most);
        move |text| {
            let number = T::try_from(parse(text)?);
            Ok(number.ok().expect("the type has the setting's range"))
        }
    }

    /// Whether it must be given.
    #[must_use]
    pub const fn is_required(&self) -> bool {
        matches!(self.fallback, Fallback::Required)
    }

    /// The value that holds where none is given.
    #[must_use]
    pub const fn default_value(&self) -> Option<&'static str> {
        match self.fallback {
            Fallback::Value(value) => Some(value),
            Fallback::Required | Fallback::Words(_) => None,
        }
    }
}

// === impl Kind ===

impl Kind {
    /// Kafka Connect's name of it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::String => "STRING",
            Self::Password => "PASSWORD",
            Self::Int => "INT",
            Self::Long => "LONG",
            Self::Boolean => "BOOLEAN",
            Self::List => "LIST",
        }
    }
}

// === impl Importance ===

impl Importance {
    /// Kafka Connect's name of it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::High => "HIGH",
            Self::Medium => "MEDIUM",
            Self::Low => "LOW",
        }
    }
}

// === impl Width ===

impl Width {
    /// Kafka Connect's name of it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Short => "SHORT",
            Self::Medium => "MEDIUM",
            Self::Long => "LONG",
        }
    }
}
