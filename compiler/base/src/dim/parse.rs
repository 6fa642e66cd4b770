//! Dims from text, hostile text included: depth and size are bounded, and everything is normalised anew.

use super::cx::DimCx;
use super::expr::{Dim, SymId};
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// Deepest nesting that is read: a quotient takes two parentheses for each level that an expression may have, and a sign
/// in front one more.
const MAX_DEPTH: usize = 3 * super::expr::MAX_DEPTH + 3;
/// Longest text that is read. The heaviest expression has fewer than 64 bytes for each of its atoms, in numbers; names
/// may be longer.
const MAX_LEN: usize = 1 << 16;

/// Text that is not a dim.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("dim `{text}`: {message} at byte {position}")]
pub struct DimParseError {
    /// The text.
    pub text: String,
    /// Byte position of the fault.
    pub position: usize,
    /// What is wrong.
    pub message: &'static str,
}

impl DimCx {
    /// Reads what [`DimCx::display`] shows; names are those of this context's symbols.
    pub fn parse(&self, text: &str) -> Result<Dim, DimParseError> {
        Parser {
            text,
            position: 0,
            cx: self,
            names: true,
        }
        .whole()
    }
}

impl FromStr for Dim {
    type Err = DimParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Parser {
            text,
            position: 0,
            cx: &DimCx::default(),
            names: false,
        }
        .whole()
    }
}

struct Parser<'a> {
    text: &'a str,
    position: usize,
    cx: &'a DimCx,
    names: bool,
}

impl Parser<'_> {
    fn whole(mut self) -> Result<Dim, DimParseError> {
        if self.text.len() > MAX_LEN {
            return Err(DimParseError {
                text: self.text.chars().take(40).collect(),
                position: MAX_LEN,
                message: "text is too long",
            });
        }
        let dim = self.sum(0)?;
        if self.peek().is_some() {
            return Err(self.error("unexpected text"));
        }
        Ok(dim)
    }

    fn error(&self, message: &'static str) -> DimParseError {
        DimParseError {
            text: self.text.to_owned(),
            position: self.position,
            message,
        }
    }

    fn peek(&mut self) -> Option<char> {
        let rest = &self.text[self.position..];
        let trimmed = rest.trim_start();
        self.position += rest.len() - trimmed.len();
        trimmed.chars().next()
    }

    fn eat(&mut self, token: &str) -> bool {
        self.peek();
        let found = self.text[self.position..].starts_with(token);
        if found {
            self.position += token.len();
        }
        found
    }

    fn sum(&mut self, depth: usize) -> Result<Dim, DimParseError> {
        if depth > MAX_DEPTH {
            return Err(self.error("nesting is too deep"));
        }
        let mut sum = self.product(depth)?;
        loop {
            if self.eat("+") {
                sum = self.cx.add(&sum, &self.product(depth)?);
            } else if self.eat("-") {
                sum = self.cx.sub(&sum, &self.product(depth)?);
            } else {
                return Ok(sum);
            }
        }
    }

    fn product(&mut self, depth: usize) -> Result<Dim, DimParseError> {
        if self.eat("-") {
            if let Some(value) = self.negative_integer()? {
                return self.product_rest(value, depth);
            }
            let product = self.product_from_factor(depth + 1)?;
            return Ok(self.cx.neg(&product));
        }
        self.product_from_factor(depth)
    }

    fn product_from_factor(&mut self, depth: usize) -> Result<Dim, DimParseError> {
        let first = self.factor(depth)?;
        self.product_rest(first, depth)
    }

    fn product_rest(&mut self, first: Dim, depth: usize) -> Result<Dim, DimParseError> {
        let mut product = first;
        loop {
            if self.eat("*") {
                product = self.cx.mul(&product, &self.factor(depth)?);
            } else if self.eat("//") {
                product = self.cx.floor_div(&product, &self.factor(depth)?);
            } else if self.eat("%") {
                product = self.cx.modulo(&product, &self.factor(depth)?);
            } else {
                return Ok(product);
            }
        }
    }

    /// An integer behind a minus sign, read with it so that the least `i64` parses.
    fn negative_integer(&mut self) -> Result<Option<Dim>, DimParseError> {
        if !self.peek().is_some_and(|c| c.is_ascii_digit()) {
            return Ok(None);
        }
        let digits = self.digits();
        match format!("-{digits}").parse() {
            Ok(value) => Ok(Some(Dim::constant(value))),
            Err(_) => Err(self.error("integer is too large")),
        }
    }

    fn digits(&mut self) -> String {
        let digits: String = self.text[self.position..]
            .chars()
            .take_while(char::is_ascii_digit)
            .collect();
        self.position += digits.len();
        digits
    }

    fn factor(&mut self, depth: usize) -> Result<Dim, DimParseError> {
        match self.peek() {
            Some('(') => {
                self.eat("(");
                let inner = self.sum(depth + 1)?;
                self.expect(")")?;
                Ok(inner)
            }
            Some('$') if !self.names => {
                self.eat("$");
                match self.digits().parse() {
                    Ok(number) => Ok(Dim::symbol(SymId(number))),
                    Err(_) => Err(self.error("symbol number expected")),
                }
            }
            Some('"') if self.names => {
                let name = self.quoted()?;
                self.lookup(&name)
            }
            Some(c) if c.is_ascii_digit() => match self.digits().parse() {
                Ok(value) => Ok(Dim::constant(value)),
                Err(_) => Err(self.error("integer is too large")),
            },
            Some(c) if c.is_ascii_alphabetic() || c == '_' => self.word(depth),
            _ => Err(self.error("integer, name or `(` expected")),
        }
    }

    fn word(&mut self, depth: usize) -> Result<Dim, DimParseError> {
        let word: String = self.text[self.position..]
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '_' || *c == '.')
            .collect();
        self.position += word.len();
        let join: fn(&DimCx, &Dim, &Dim) -> Dim = match word.as_str() {
            "min" => DimCx::min,
            "max" => DimCx::max,
            "bcast" => DimCx::bcast,
            "overflow" => {
                self.expect("(")?;
                self.expect(")")?;
                return Ok(Dim::overflow());
            }
            _ if self.names => return self.lookup(&word),
            _ => return Err(self.error("unknown word")),
        };
        self.expect("(")?;
        let mut joined = self.sum(depth + 1)?;
        while self.eat(",") {
            joined = join(self.cx, &joined, &self.sum(depth + 1)?);
        }
        self.expect(")")?;
        Ok(joined)
    }

    fn quoted(&mut self) -> Result<String, DimParseError> {
        let rest = &self.text[self.position..];
        let mut escaped = false;
        let end = rest[1..].find(|c| {
            let closes = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            closes
        });
        let Some(end) = end else {
            return Err(self.error("closing quote expected"));
        };
        let inner = &rest[1..=end];
        self.position += end + 2;
        crate::text::unescape(inner).ok_or_else(|| self.error("bad escape"))
    }

    fn lookup(&self, name: &str) -> Result<Dim, DimParseError> {
        self.cx
            .symbol_by_name(name)
            .map(Dim::symbol)
            .ok_or_else(|| self.error("unknown symbol"))
    }

    fn expect(&mut self, token: &'static str) -> Result<(), DimParseError> {
        if self.eat(token) {
            return Ok(());
        }
        Err(self.error(match token {
            "(" => "`(` expected",
            _ => "`)` expected",
        }))
    }
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Form {
    Integer(i64),
    Text(String),
}

impl Serialize for Dim {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.as_const() {
            Some(value) => Form::Integer(value),
            None => Form::Text(self.to_string()),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Dim {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Form::deserialize(deserializer)? {
            Form::Integer(value) => Ok(Dim::constant(value)),
            Form::Text(text) => text.parse().map_err(serde::de::Error::custom),
        }
    }
}
