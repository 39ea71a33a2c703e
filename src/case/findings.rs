//! What is found wrong with an examination, and what is left out for it.

use serde::Serialize;

use crate::measure::Table;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// What inputs that are not there make impossible.
    LeftOut,
    /// What a person should look at; the results stand.
    Warning,
    /// What was given cannot be used: nothing is computed that depends on it.
    Fault,
}

impl Level {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::LeftOut => "left out",
            Self::Warning => "warning",
            Self::Fault => "fault",
        }
    }
}

/// Options that messages of other commands name, and the keys of the case file that say the same.
const KEYS: [(&str, &str); 12] = [
    ("give a mask file, or --mask none", "state mask = FILE"),
    ("or --mask none", "or leave mask out"),
    ("--allow-mismatch", "allow_mismatch = true"),
    ("--resample", "resample = true"),
    ("--sigma VALUE", "sigma = VALUE"),
    ("--repeat FILE", "repeat = FILE"),
    ("--auc-end ", "auc_end_s = "),
    ("fit all the same with --force-model", "`hepar fit --force-model`"),
    ("write ROLE=FILE@SECONDS after injection", "state seconds after injection"),
    ("--bvals", "b_s_per_mm2"),
    ("--b-min 50 leaves", "`hepar fit --b-min 50` leaves"),
    ("name it in --volumes", "name it in `hepar fit --volumes`"),
];

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How much it matters.
    pub level: Level,
    /// The part of the examination, such as `dynamic`.
    pub part: String,
    /// What it is, and the remedy.
    pub text: String,
}

/// All findings of an examination, in the order in which they came up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings(Vec<Finding>);

impl Findings {
    /// Adds a finding, once.
    pub fn add(&mut self, level: Level, part: &str, text: impl Into<String>) {
        let text = KEYS.iter().fold(text.into(), |text, (option, key)| text.replace(option, key));
        let finding = Finding { level, part: part.into(), text };
        if !self.0.contains(&finding) {
            self.0.push(finding);
        }
    }

    /// Adds what makes a part, or some of it, impossible.
    pub fn fault(&mut self, part: &str, text: impl Into<String>) {
        self.add(Level::Fault, part, text);
    }

    /// Adds a warning.
    pub fn warn(&mut self, part: &str, text: impl Into<String>) {
        self.add(Level::Warning, part, text);
    }

    /// Adds what is not computed since its inputs are not given.
    pub fn leave_out(&mut self, part: &str, text: impl Into<String>) {
        self.add(Level::LeftOut, part, text);
    }

    /// All of them.
    pub fn all(&self) -> &[Finding] {
        &self.0
    }

    /// How many are faults.
    pub fn n_faults(&self) -> usize {
        self.0.iter().filter(|finding| finding.level == Level::Fault).count()
    }

    /// One row a finding: `level part text`.
    pub fn table(&self) -> Table {
        let mut table = Table::new(&["level", "part", "text"]);
        for Finding { level, part, text } in &self.0 {
            table.push([level.name().into(), part.as_str().into(), text.replace("\n  ", "; ").into()]);
        }
        table
    }
}

impl std::fmt::Display for Findings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|Finding { level, part, text }| writeln!(f, "{} ({part}): {text}", level.name()))
    }
}
