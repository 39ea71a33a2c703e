//! What is wrong in a formula or a model file: where, what, and the remedy.

use std::ops::Range;
use std::path::Path;

use crate::Error;

/// A mistake at a place in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Bytes of the text that it concerns.
    pub at: Range<usize>,
    /// What is wrong there.
    pub problem: String,
    /// What to do about it.
    pub remedy: String,
}

impl Fault {
    /// A mistake at the bytes `at`.
    pub fn new(at: Range<usize>, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { at, problem: problem.into(), remedy: remedy.into() }
    }

    /// The same mistake in a text that holds this one from byte `offset` on.
    #[must_use]
    pub fn shifted(mut self, offset: usize) -> Self {
        self.at = self.at.start + offset..self.at.end + offset;
        self
    }

    /// As an error about the file at `path`, whose text is `text`: with line, column, and the line with its offending
    /// part underlined.
    pub fn in_file(&self, path: &Path, text: &str) -> Error {
        let start = floor(text, self.at.start);
        let line_start = text[..start].rfind('\n').map_or(0, |i| i + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |i| start + i);
        let end = floor(text, self.at.end.min(line_end)).max(start);
        let line_number = text[..start].matches('\n').count() + 1;
        let before = text[line_start..start].chars().count();
        let marks = text[start..end].chars().count().max(1);
        Error::data(
            path,
            format!(
                "line {line_number}, column {}: {}\n    {}\n    {}{}",
                before + 1,
                self.problem,
                text[line_start..line_end].trim_end(),
                " ".repeat(before),
                "^".repeat(marks),
            ),
            &self.remedy,
        )
    }
}

/// The nearest start of a character at or before a byte.
fn floor(text: &str, byte: usize) -> usize {
    (0..=byte.min(text.len())).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0)
}

/// `did you mean ...? ` and what is known, for a name that is not.
pub(crate) fn suggest<'a>(name: &str, what: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    let listed = known.clone().collect::<Vec<_>>().join(", ");
    match nearest(name, known) {
        Some(near) => format!("did you mean `{near}`? {what}: {listed}"),
        None => format!("use one of the {what}: {listed}"),
    }
}

/// The known name that differs from `name` in the fewest letters, if that is at most a third of them.
fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let limit = name.chars().count().div_ceil(3);
    known
        .map(|candidate| (edit_distance(name, candidate), candidate))
        .filter(|&(distance, _)| distance <= limit)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Letters to insert, delete, replace or swap with their neighbour to get from `a` to `b`, without regard to case
/// (optimal string alignment: Damerau 1964).
fn edit_distance(a: &str, b: &str) -> usize {
    let [a, b] = [a, b].map(|name| name.to_lowercase().chars().collect::<Vec<_>>());
    let mut table = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            table[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let replaced = table[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                let swap = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
                let swapped = if swap { table[i - 2][j - 2] + 1 } else { replaced };
                let grown = table[i - 1][j].min(table[i][j - 1]) + 1;
                replaced.min(swapped).min(grown)
            };
        }
    }
    table[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn place_and_remedy_are_shown() {
        let text = "a = 1\nµ = poist - pre\n";
        let fault = Fault::new(11..16, "unknown name `poist`", "write post");
        let message = fault.in_file(Path::new("x.toml"), text).to_string();
        assert_eq!(
            message,
            "x.toml: line 2, column 5: unknown name `poist`\n    µ = poist - pre\n        ^^^^^\n  remedy: write post"
        );
    }

    #[test]
    fn places_outside_the_text_or_inside_a_character_do_no_harm() {
        for (at, text) in [(9..12, "ab"), (1..2, "µ"), (0..0, ""), (3..9, "ab\ncd")] {
            let message = Fault::new(at, "p", "r").in_file(Path::new("x"), text).to_string();
            assert!(message.contains('^'), "{message}");
        }
    }

    #[test]
    fn near_names_are_suggested_and_far_ones_are_not() {
        assert_eq!(edit_distance("kitten", "sitting"), 3);
        assert_eq!(edit_distance("", "abc"), 3);
        assert_eq!(edit_distance("per", "pre"), 1);
        let known = ["post", "pre", "sigma"];
        assert_eq!(nearest("psot", known.into_iter()), Some("post"));
        assert_eq!(nearest("Sigma", known.into_iter()), Some("sigma"));
        assert_eq!(nearest("arterial", known.into_iter()), None);
    }
}
