//! Formula text → expression tree.
//!
//! ```text
//! sum     = product { ("+" | "-") product }
//! product = signed { ("*" | "/") signed }
//! signed  = "-" signed | power                 so -x^2 = -(x^2)
//! power   = atom [ "^" signed ]                so a^b^c = a^(b^c)
//! atom    = number | name | name "(" sum { "," sum } ")" | "(" sum ")"
//! ```

use std::ops::Range;

use super::fault::{Fault, suggest};
use super::lexer::{Placed, Token, tokens};
use super::operator::{Binary, CONSTANTS, FUNCTIONS, Function, Unary};

/// Longest formula, in bytes, and deepest nesting: what recursion over a tree can stand.
const MAX_BYTES: usize = 4096;
const MAX_DEPTH: usize = 64;

/// A formula as written.
#[derive(Debug, Clone, PartialEq)]
pub struct Expr {
    /// Bytes of the formula that it was read from.
    pub at: Range<usize>,
    /// What it is.
    pub kind: ExprKind,
}

/// The forms of an expression.
#[derive(Debug, Clone, PartialEq)]
pub enum ExprKind {
    /// A number, or a constant of the grammar.
    Number(f64),
    /// An input, a parameter or an axis.
    Name(String),
    /// A function of one argument.
    Unary(Unary, Box<Expr>),
    /// An operator between two arguments.
    Binary(Binary, Box<Expr>, Box<Expr>),
}

/// Reads a formula.
pub fn parse(text: &str) -> Result<Expr, Fault> {
    if text.len() > MAX_BYTES {
        let problem = format!("the formula has {} bytes; the limit is {MAX_BYTES}", text.len());
        return Err(Fault::new(0..text.len(), problem, "split it into several maps"));
    }
    let mut parser = Parser { tokens: tokens(text)?, next: 0, depth: 0 };
    let expr = parser.sum()?;
    match parser.peek() {
        (Token::End, _) => Ok(expr),
        _ => Err(parser.unexpected("an operator or the end")),
    }
}

struct Parser<'t> {
    tokens: Vec<Placed<'t>>,
    next: usize,
    depth: usize,
}

impl<'t> Parser<'t> {
    fn peek(&self) -> &Placed<'t> {
        &self.tokens[self.next]
    }

    /// Takes the next token if it is this symbol.
    fn take(&mut self, symbol: char) -> bool {
        let found = self.peek().0 == Token::Symbol(symbol);
        self.next += usize::from(found);
        found
    }

    /// Takes the next token if it is one of these operators.
    fn take_operator(&mut self, operators: &[(char, Binary)]) -> Option<Binary> {
        let found = operators.iter().find(|(symbol, _)| self.take(*symbol));
        found.map(|&(_, operator)| operator)
    }

    fn sum(&mut self) -> Result<Expr, Fault> {
        let operators = [('+', Binary::Add), ('-', Binary::Sub)];
        self.chain(&operators, Self::product)
    }

    fn product(&mut self) -> Result<Expr, Fault> {
        let operators = [('*', Binary::Mul), ('/', Binary::Div)];
        self.chain(&operators, Self::signed)
    }

    /// Operands with operators between them, grouped from the left.
    fn chain(
        &mut self,
        operators: &[(char, Binary)],
        operand: fn(&mut Self) -> Result<Expr, Fault>,
    ) -> Result<Expr, Fault> {
        let mut left = operand(self)?;
        while let Some(operator) = self.take_operator(operators) {
            left = binary(operator, left, operand(self)?);
        }
        Ok(left)
    }

    fn signed(&mut self) -> Result<Expr, Fault> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            let problem = format!("nested deeper than {MAX_DEPTH} levels");
            let remedy = "take out parentheses, signs or powers that are not needed";
            return Err(Fault::new(self.peek().1.clone(), problem, remedy));
        }
        let start = self.peek().1.start;
        let expr = if self.take('-') {
            let inner = self.signed()?;
            Expr { at: start..inner.at.end, kind: ExprKind::Unary(Unary::Neg, Box::new(inner)) }
        } else {
            self.power()?
        };
        self.depth -= 1;
        Ok(expr)
    }

    fn power(&mut self) -> Result<Expr, Fault> {
        let base = self.atom()?;
        match self.take('^') {
            true => Ok(binary(Binary::Pow, base, self.signed()?)),
            false => Ok(base),
        }
    }

    fn atom(&mut self) -> Result<Expr, Fault> {
        let (token, at) = self.peek().clone();
        match token {
            Token::Number(value) => {
                self.next += 1;
                Ok(number(value, at))
            }
            Token::Name(name) => {
                self.next += 1;
                self.named(name, at)
            }
            Token::Symbol('(') => {
                self.next += 1;
                let inner = self.sum()?;
                let end = self.close(&at)?;
                Ok(Expr { at: at.start..end, ..inner })
            }
            _ => Err(self.unexpected("a number, a name or `(`")),
        }
    }

    /// What a name that has just been read stands for.
    fn named(&mut self, name: &str, at: Range<usize>) -> Result<Expr, Fault> {
        let function = FUNCTIONS.iter().find(|(known, _)| *known == name);
        let constant = CONSTANTS.iter().find(|(known, _)| *known == name);
        let called = self.peek().0 == Token::Symbol('(');
        match (function, constant) {
            (Some((_, function)), _) if called => self.call(name, *function, at),
            (Some(_), _) => {
                Err(Fault::new(at, format!("the function `{name}` has no argument"), format!("write {name}(...)")))
            }
            (None, _) if called => Err(unknown_function(name, at)),
            (None, Some(&(_, value))) => Ok(number(value, at)),
            (None, None) => Ok(Expr { at, kind: ExprKind::Name(name.into()) }),
        }
    }

    fn call(&mut self, name: &str, function: Function, at: Range<usize>) -> Result<Expr, Fault> {
        let open = self.peek().1.clone();
        let mut arguments = Vec::new();
        while arguments.is_empty() && self.take('(') || self.take(',') {
            arguments.push(self.sum()?);
        }
        let at = at.start..self.close(&open)?;
        let count = arguments.len();
        let mut arguments = arguments.into_iter().map(Box::new);
        match (function, arguments.next(), arguments.next(), count) {
            (Function::One(op), Some(x), None, 1) => Ok(Expr { at, kind: ExprKind::Unary(op, x) }),
            (Function::Two(op), Some(a), Some(b), 2) => Ok(Expr { at, kind: ExprKind::Binary(op, a, b) }),
            _ => Err(wrong_count(name, function, count, at)),
        }
    }

    /// Takes the `)` that closes the `(` at `open`; returns where it ends.
    fn close(&mut self, open: &Range<usize>) -> Result<usize, Fault> {
        let end = self.peek().1.end;
        if self.take(')') {
            return Ok(end);
        }
        match self.peek().0 {
            Token::End => Err(Fault::new(open.clone(), "this `(` is never closed", "add a `)`")),
            _ => Err(self.unexpected("an operator or `)`")),
        }
    }

    fn unexpected(&self, wanted: &str) -> Fault {
        let (token, at) = self.peek();
        let (found, remedy) = match token {
            Token::End => ("the end".into(), "complete the formula".into()),
            Token::Number(value) => (format!("the number {value}"), "write * between factors".into()),
            Token::Name(name) => (format!("the name `{name}`"), "write * between factors".into()),
            Token::Symbol('(') => ("`(`".into(), "write * between factors".into()),
            Token::Symbol(symbol) => (format!("`{symbol}`"), format!("remove the `{symbol}`")),
        };
        Fault::new(at.clone(), format!("expected {wanted}, found {found}"), remedy)
    }
}

fn number(value: f64, at: Range<usize>) -> Expr {
    Expr { at, kind: ExprKind::Number(value) }
}

fn binary(operator: Binary, left: Expr, right: Expr) -> Expr {
    Expr { at: left.at.start..right.at.end, kind: ExprKind::Binary(operator, Box::new(left), Box::new(right)) }
}

fn unknown_function(name: &str, at: Range<usize>) -> Fault {
    let remedy = match name {
        "ln" => "write log for the natural logarithm".into(),
        "log10" | "log2" => format!("write log(x) / log({})", &name[3..]),
        "pow" => "write x^y".into(),
        _ => suggest(name, "functions", FUNCTIONS.iter().map(|(name, _)| *name)),
    };
    Fault::new(at, format!("unknown function `{name}`"), remedy)
}

fn wrong_count(name: &str, function: Function, count: usize, at: Range<usize>) -> Fault {
    let remedy = match function {
        Function::One(_) => format!("write {name}(x)"),
        Function::Two(_) => format!("write {name}(x, y)"),
    };
    let noun = if count == 1 { "argument" } else { "arguments" };
    Fault::new(at, format!("`{name}` is given {count} {noun}"), remedy)
}

#[cfg(test)]
mod tests;
