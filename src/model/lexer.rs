//! Formula text → tokens with their places.

use std::ops::Range;

use super::fault::Fault;

/// A piece of a formula.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token<'t> {
    Number(f64),
    Name(&'t str),
    /// One of `+ - * / ^ ( ) ,`.
    Symbol(char),
    End,
}

/// A token and the bytes it stands at.
pub(super) type Placed<'t> = (Token<'t>, Range<usize>);

/// All tokens of a formula; the last is [`Token::End`].
pub(super) fn tokens(text: &str) -> Result<Vec<Placed<'_>>, Fault> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        let end = match first {
            c if c.is_whitespace() => at + c.len_utf8(),
            c if c.is_ascii_digit() || c == '.' => {
                let end = number_end(text, at);
                found.push((number(text, at..end)?, at..end));
                end
            }
            c if c.is_ascii_alphabetic() || c == '_' => {
                let end = at + run(&text[at..], |c| c.is_ascii_alphanumeric() || c == '_');
                found.push((Token::Name(&text[at..end]), at..end));
                end
            }
            '*' if text[at..].starts_with("**") => {
                return Err(Fault::new(at..at + 2, "`**` is no operator", "write x^y for a power"));
            }
            '+' | '-' | '*' | '/' | '^' | '(' | ')' | ',' => {
                found.push((Token::Symbol(first), at..at + 1));
                at + 1
            }
            other => return Err(unknown_symbol(other, at)),
        };
        at = end;
    }
    found.push((Token::End, at..at));
    Ok(found)
}

/// Bytes from the start that satisfy `wanted`.
fn run(text: &str, wanted: impl Fn(char) -> bool) -> usize {
    text.find(|c| !wanted(c)).unwrap_or(text.len())
}

/// Where a number that starts at `at` ends: digits and points, then an exponent only if digits follow it.
fn number_end(text: &str, at: usize) -> usize {
    let mantissa = at + run(&text[at..], |c| c.is_ascii_digit() || c == '.');
    let Some(rest) = text[mantissa..].strip_prefix(['e', 'E']) else {
        return mantissa;
    };
    let unsigned = rest.strip_prefix(['+', '-']).unwrap_or(rest);
    match run(unsigned, |c| c.is_ascii_digit()) {
        0 => mantissa,
        digits => text.len() - unsigned.len() + digits,
    }
}

fn number(text: &str, at: Range<usize>) -> Result<Token<'_>, Fault> {
    let written = &text[at.clone()];
    match written.parse() {
        Ok(value) => Ok(Token::Number(value)),
        Err(_) => Err(Fault::new(at, format!("`{written}` is no number"), "write numbers like 3, 0.5 or 1e-3")),
    }
}

fn unknown_symbol(symbol: char, at: usize) -> Fault {
    let remedy = match symbol {
        '−' | '–' => "use the ASCII minus `-`",
        '×' | '·' => "write * for a product",
        '²' => "write x^2",
        '√' => "write sqrt(x)",
        '[' | '{' | ']' | '}' => "use round parentheses",
        '<' | '>' | '=' | '?' | '!' | '&' | '|' => "formulas have no comparisons: use min and max, or a guard",
        _ => "a formula has numbers, names, + - * / ^, parentheses and commas",
    };
    let at = at..at + symbol.len_utf8();
    Fault::new(at, format!("unexpected `{symbol}`"), remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<Token<'_>> {
        tokens(text).unwrap().into_iter().map(|(token, _)| token).collect()
    }

    #[test]
    fn numbers_names_and_symbols() {
        use Token::{End, Name, Number, Symbol};
        assert_eq!(
            kinds("1.5e-3*T1_pre ^ .5"),
            [Number(1.5e-3), Symbol('*'), Name("T1_pre"), Symbol('^'), Number(0.5), End]
        );
        // An `e` without digits is a name, which the parser refuses beside a number.
        assert_eq!(kinds("2e"), [Number(2.0), Name("e"), End]);
        assert_eq!(kinds("2e+x"), [Number(2.0), Name("e"), Symbol('+'), Name("x"), End]);
        assert_eq!(kinds("3E2"), [Number(300.0), End]);
    }

    #[test]
    fn places_are_bytes() {
        let found = tokens(" a + b1").unwrap();
        let places: Vec<_> = found.into_iter().map(|(_, at)| at).collect();
        assert_eq!(places, [1..2, 3..4, 5..7, 7..7]);
    }

    #[test]
    fn what_is_not_of_the_grammar_is_named() {
        for (text, at, said) in [
            ("a ** b", 2..4, "x^y"),
            ("a − b", 2..5, "ASCII minus"),
            ("a > b", 2..3, "no comparisons"),
            ("1.2.3", 0..5, "1e-3"),
            ("a $ b", 2..3, "+ - * / ^"),
        ] {
            let fault = tokens(text).unwrap_err();
            assert_eq!(fault.at, at, "{text}");
            assert!(fault.remedy.contains(said), "{text}: {fault:?}");
        }
    }
}
