//! What is found, and where. The ids of the rules are an interface: machines and `docs/lint.md` name them.

use serde::Serialize;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// kubectl, the API server or the operator would refuse it, or take it for something else.
    Error,
    /// It works, and probably not as it was meant.
    Warning,
    /// It could not be judged from the files alone.
    Note,
}

impl Severity {
    /// As it is printed.
    pub fn word(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        }
    }
}

/// A place in a file, both counted from 1; columns in characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

macro_rules! rules {
    ($($(#[$about:meta])* $name:ident => $id:literal,)*) => {
        /// What was looked for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Rule { $($(#[$about])* $name,)* }

        impl Rule {
            /// Every rule.
            pub const ALL: &[Rule] = &[$(Rule::$name,)*];

            /// Its id, which never changes.
            pub fn id(self) -> &'static str {
                match self { $(Rule::$name => $id,)* }
            }
        }
    };
}

rules! {
    /// Not YAML, or none that kubectl reads.
    YamlSyntax => "yaml-syntax",
    /// A tab where a line is indented.
    YamlTab => "yaml-tab",
    /// A template that was not rendered.
    YamlTemplate => "yaml-template",
    /// Content behind `---`.
    YamlSeparator => "yaml-separator",
    /// One key twice.
    YamlDuplicateKey => "yaml-duplicate-key",
    /// A key before the `<<` that brings it too.
    YamlMergeOrder => "yaml-merge-order",
    /// A comma inside a number.
    YamlFlowComma => "yaml-flow-comma",
    /// A number that readers take for different ones.
    YamlNumber => "yaml-number",
    /// A time of day without quotes.
    YamlClock => "yaml-clock",
    /// yes, no, on, off, y, n without quotes.
    YamlWord => "yaml-word",
    /// A kind or version that Headroom does not have.
    ObjectKind => "object-kind",
    /// A name that no object can have, or none.
    ObjectName => "object-name",
    /// No namespace.
    NoNamespace => "no-namespace",
    /// One object in two places.
    ObjectTwice => "object-twice",
    /// A field that the definition does not have.
    UnknownField => "unknown-field",
    /// A field that must be there.
    MissingField => "missing-field",
    /// Text instead of a number, and the like.
    WrongType => "wrong-type",
    /// None of the values that are possible.
    WrongValue => "wrong-value",
    /// Not written as the field needs it.
    WrongForm => "wrong-form",
    /// Too large, too small, too long, too many.
    OutOfRange => "out-of-range",
    /// Two entries with one name.
    RepeatedItem => "repeated-item",
    /// A rule of the definition.
    SchemaRule => "schema-rule",
    /// A quantity, time or time zone that cannot be.
    Quantity => "quantity",
    /// What the operator refuses.
    Invalid => "invalid",
    /// A wave for which no window is ever long enough.
    NeverFits => "never-fits",
    /// A Sender that cannot carry it out.
    SenderUnable => "sender-unable",
    /// A workload that has no room for any send.
    NoCapacity => "no-capacity",
    /// A Campaign that another waits for, and that is not among the files.
    AfterNotFound => "after-not-found",
    /// Waves that leave recipients out.
    LeftOver => "left-over",
    /// A wave without recipients.
    EmptyWave => "empty-wave",
    /// A query that is not `PromQL`.
    QuerySyntax => "query-syntax",
    /// A query that gives no vector.
    QueryType => "query-type",
    /// A query whose samples have no age.
    QueryAge => "query-age",
    /// A demand that shows no replicas.
    QueryCoverage => "query-coverage",
    /// A pool that is not among the files.
    PoolNotFound => "pool-not-found",
    /// A Sender that is not among the files.
    SenderNotFound => "sender-not-found",
    /// A pool or Sender that does not admit the Campaign.
    NotAdmitted => "not-admitted",
    /// Two Campaigns with one `sendId`.
    SendIdTaken => "send-id-taken",
}

/// A finding that does not know its file yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// Where.
    pub at: Mark,
    /// How bad.
    pub severity: Severity,
    /// What was looked for.
    pub rule: Rule,
    /// The path of the field; empty where there is none.
    pub field: String,
    /// A sentence with the way out.
    pub message: String,
}

impl Remark {
    /// An error.
    pub fn error(rule: Rule, at: Mark, field: &str, message: impl Into<String>) -> Remark {
        Remark { at, severity: Severity::Error, rule, field: field.to_owned(), message: message.into() }
    }

    /// The same, as bad as that.
    #[must_use]
    pub fn as_bad_as(self, severity: Severity) -> Remark {
        Remark { severity, ..self }
    }

    /// A finding in that file. Every sentence ends as one.
    pub fn of_file(self, file: &str) -> Finding {
        let mut message = self.message.trim_end().to_owned();
        if !message.ends_with(['.', '?', '!']) {
            message.push('.');
        }
        Finding {
            file: file.to_owned(),
            at: self.at,
            severity: self.severity,
            rule: self.rule,
            field: self.field,
            message,
        }
    }
}

/// What is found. Findings sort by file and place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The file's name.
    pub file: String,
    /// Where.
    pub at: Mark,
    /// How bad.
    pub severity: Severity,
    /// What was looked for.
    pub rule: Rule,
    /// The path of the field; empty where there is none.
    pub field: String,
    /// A sentence with the way out.
    pub message: String,
}
