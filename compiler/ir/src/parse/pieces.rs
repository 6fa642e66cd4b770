//! Pieces of text: words, numbers, quoted text, dims and types.

use super::Reader;
use super::error::ParseError;
use crate::types::{ElementType, TensorType, ValueType};
use graphc_base::{DType, Dim};
use std::str::FromStr;

/// Deepest nesting of optional types.
const MAX_TYPE_DEPTH: usize = 16;

impl<'t> Reader<'t> {
    pub(super) fn error_at(&self, position: usize, message: impl Into<String>) -> ParseError {
        ParseError::at(self.text, position, message.into())
    }

    pub(super) fn error(&self, message: impl Into<String>) -> ParseError {
        self.error_at(self.position, message)
    }

    pub(super) fn rest(&self) -> &'t str {
        &self.text[self.position..]
    }

    /// Position of the next piece.
    pub(super) fn start(&mut self) -> usize {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start();
            self.position += rest.len() - trimmed.len();
            if !trimmed.starts_with(';') {
                return self.position;
            }
            self.position += trimmed.find('\n').unwrap_or(trimmed.len());
        }
    }

    pub(super) fn is_at_end(&mut self) -> bool {
        self.start() == self.text.len()
    }

    /// Whether `token` comes next.
    pub(crate) fn at(&mut self, token: &str) -> bool {
        self.start();
        self.rest().starts_with(token)
    }

    /// Whether `token` comes next, on the line of what stands before it.
    pub(super) fn at_on_line(&mut self, token: &str) -> bool {
        let start = self.start();
        let before = self.text[..start].trim_end_matches([' ', '\t']);
        !before.ends_with('\n') && self.rest().starts_with(token)
    }

    /// Takes `token` if it comes next.
    pub(crate) fn eat(&mut self, token: &str) -> bool {
        let found = self.at(token);
        if found {
            self.position += token.len();
        }
        found
    }

    pub(crate) fn expect(&mut self, token: &str) -> Result<(), ParseError> {
        if self.eat(token) {
            Ok(())
        } else {
            Err(self.error(format!("`{token}` expected")))
        }
    }

    pub(super) fn take_while(&mut self, keep: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let end = rest.find(|c| !keep(c)).unwrap_or(rest.len());
        self.position += end;
        &rest[..end]
    }

    /// Letters, digits and underscores; empty where there are none.
    pub(super) fn word(&mut self) -> &'t str {
        self.start();
        self.take_while(is_word_char)
    }

    /// Takes exactly this word if it comes next.
    pub(super) fn eat_word(&mut self, word: &str) -> bool {
        let start = self.start();
        let found = self.word() == word;
        if !found {
            self.position = start;
        }
        found
    }

    pub(super) fn keyword(&mut self, word: &str) -> Result<(), ParseError> {
        if self.eat_word(word) {
            Ok(())
        } else {
            Err(self.error(format!("`{word}` expected")))
        }
    }

    /// Takes `key=` if it comes next.
    pub(super) fn eat_key(&mut self, key: &str) -> bool {
        let start = self.start();
        let found = self.word() == key && self.rest().starts_with('=');
        self.position = if found { self.position + 1 } else { start };
        found
    }

    /// One of a few words.
    pub(crate) fn one_of<T: Clone>(&mut self, words: &[(&str, T)]) -> Result<T, ParseError> {
        let start = self.start();
        let word = self.word();
        match words.iter().find(|(known, _)| *known == word) {
            Some((_, value)) => Ok(value.clone()),
            None => {
                let known: Vec<&str> = words.iter().map(|(known, _)| *known).collect();
                Err(self.error_at(start, format!("one of {} expected", known.join(", "))))
            }
        }
    }

    /// `[item, item]`.
    pub(crate) fn list(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<(), ParseError>,
    ) -> Result<(), ParseError> {
        self.expect("[")?;
        if self.eat("]") {
            return Ok(());
        }
        loop {
            item(self)?;
            if self.eat("]") {
                return Ok(());
            }
            if !self.eat(",") {
                return Err(self.error("`,` or `]` expected"));
            }
        }
    }

    pub(crate) fn quoted(&mut self) -> Result<String, ParseError> {
        let start = self.start();
        let Some(length) = quoted_length(self.rest()) else {
            return Err(self.error("quoted text expected"));
        };
        self.position += length;
        let inner = &self.text[start + 1..self.position - 1];
        graphc_base::text::unescape(inner).ok_or_else(|| self.error_at(start, "escape is unknown"))
    }
}

// ---- numbers and dims ----

impl<'t> Reader<'t> {
    /// Whether a number without fraction and exponent comes next.
    pub(crate) fn at_integer(&mut self) -> bool {
        let start = self.start();
        let token = self.number_token();
        self.position = start;
        let digits = token.strip_prefix('-').unwrap_or(token);
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    }

    pub(crate) fn integer<T: FromStr>(&mut self) -> Result<T, ParseError> {
        let start = self.start();
        self.eat("-");
        self.take_while(|c| c.is_ascii_digit());
        self.text[start..self.position]
            .parse()
            .map_err(|_| self.error_at(start, "integer expected, of the attribute's range"))
    }

    /// What a float may be made of.
    fn number_token(&mut self) -> &'t str {
        self.start();
        self.take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
    }

    /// A float: its bits where they are given, else what `parse` makes of its text.
    pub(super) fn float<T>(
        &mut self,
        from_bits: impl Fn(u64) -> Option<T>,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<T, ParseError> {
        let start = self.start();
        let token = self.number_token();
        let value = if token == "nan" && self.rest().starts_with('(') {
            self.position += 1;
            let digits = self.take_while(|c| c.is_ascii_hexdigit());
            let bits = u64::from_str_radix(digits, 16).ok();
            self.expect(")")?;
            bits.and_then(from_bits)
        } else {
            parse(token)
        };
        value.ok_or_else(|| self.error_at(start, "float expected"))
    }

    pub(crate) fn f64(&mut self) -> Result<f64, ParseError> {
        self.float(
            |bits| Some(f64::from_bits(bits)),
            |token| float_text(token, f64::is_finite),
        )
    }

    /// A dim ends at the first blank, comma, colon, closing bracket or comment outside of parentheses and quotes.
    pub(crate) fn dim(&mut self) -> Result<Dim, ParseError> {
        let start = self.start();
        let length = dim_length(self.rest());
        if length == 0 {
            return Err(self.error("dim expected"));
        }
        self.position += length;
        self.graph
            .dims
            .parse(&self.text[start..self.position])
            .map_err(|fault| self.error_at(start + fault.position.min(length), fault.message))
    }

    /// A symbol's name that needs no quotes.
    pub(super) fn symbol_name(&mut self) -> Result<String, ParseError> {
        self.start();
        let name = self.take_while(|c| is_word_char(c) || c == '.');
        if name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
            Ok(name.to_owned())
        } else {
            Err(self.error("name of a symbol expected"))
        }
    }
}

// ---- types ----

impl Reader<'_> {
    pub(crate) fn dtype(&mut self) -> Result<DType, ParseError> {
        let start = self.start();
        self.word()
            .parse()
            .map_err(|_| self.error_at(start, "dtype expected"))
    }

    pub(crate) fn ty(&mut self) -> Result<ValueType, ParseError> {
        self.ty_within(0)
    }

    fn ty_within(&mut self, depth: usize) -> Result<ValueType, ParseError> {
        if depth > MAX_TYPE_DEPTH {
            return Err(self.error("type is nested too deeply"));
        }
        if self.eat_word("optional") {
            self.expect("(")?;
            let inner = self.ty_within(depth + 1)?;
            self.expect(")")?;
            return Ok(ValueType::Optional(Box::new(inner)));
        }
        let start = self.start();
        if self.eat_word("seq") {
            self.position = start;
            return Ok(ValueType::Sequence(self.element_type()?));
        }
        Ok(ValueType::Tensor(self.tensor_type()?))
    }

    /// `f32[8,seq]`.
    pub(super) fn tensor_type(&mut self) -> Result<TensorType, ParseError> {
        let dtype = self.dtype()?;
        let mut shape = Vec::new();
        self.list(|reader| {
            shape.push(reader.dim()?);
            Ok(())
        })?;
        Ok(TensorType { dtype, shape })
    }

    /// `seq(f32)` or `seq(f32, rank 2)`.
    pub(crate) fn element_type(&mut self) -> Result<ElementType, ParseError> {
        self.keyword("seq")?;
        self.expect("(")?;
        let dtype = self.dtype()?;
        let rank = if self.eat(",") {
            self.keyword("rank")?;
            Some(self.integer()?)
        } else {
            None
        };
        self.expect(")")?;
        Ok(ElementType { dtype, rank })
    }
}

/// A float that is infinite or NaN only where its text says so.
pub(super) fn float_text<T: FromStr + Copy>(token: &str, is_finite: fn(T) -> bool) -> Option<T> {
    let value: T = token.parse().ok()?;
    let says_so = matches!(token, "inf" | "-inf" | "nan");
    (is_finite(value) != says_so).then_some(value)
}

fn is_word_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Bytes of a quoted text with its quotes; `None` where there is none.
fn quoted_length(text: &str) -> Option<usize> {
    let inner = text.strip_prefix('"')?;
    let mut escaped = false;
    let end = inner.find(|c| {
        let closes = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        closes
    })?;
    Some(end + 2)
}

fn dim_length(text: &str) -> usize {
    let mut depth = 0usize;
    let mut position = 0;
    while let Some(c) = text[position..].chars().next() {
        match c {
            '"' => match quoted_length(&text[position..]) {
                Some(length) => {
                    position += length;
                    continue;
                }
                None => return position,
            },
            '(' => depth += 1,
            ')' if depth == 0 => return position,
            ')' => depth -= 1,
            ',' | ':' | '[' | ']' | '{' | '}' | ';' | '@' | '=' if depth == 0 => return position,
            c if c.is_whitespace() && depth == 0 => return position,
            '\n' | ';' => return position,
            _ => {}
        }
        position += c.len_utf8();
    }
    position
}
