//! Owns the text form of arrays (PostgreSQL manual, "Array Input and Output Syntax"), for elements that
//! have no binary form: how it is taken apart and put together. Never reads an element.

use std::borrow::Cow;

use super::{Coded, Reason};

/// A piece of an array in text form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece<'a> {
    /// An array begins: the outermost, or one within.
    Begin,
    /// The array that was begun last ends.
    End,
    /// NULL.
    Null,
    /// An element.
    Text(Cow<'a, str>),
}

/// Takes an array apart whose elements are told apart by `delimiter`. It ends after an error.
pub fn array(text: &str, delimiter: u8) -> impl Iterator<Item = Coded<Piece<'_>>> {
    // Bounds that are not 1 are written in front: `[0:1]={a,b}`.
    let rest = match text.split_once('=') {
        Some((bounds, rest)) if bounds.starts_with('[') => rest,
        _ => text,
    };
    Pieces {
        rest,
        delimiter: char::from(delimiter),
        depth: 0,
        begun: false,
    }
}

struct Pieces<'a> {
    rest: &'a str,
    delimiter: char,
    depth: usize,
    begun: bool,
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Coded<Piece<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.begun && self.depth == 0 && self.rest.is_empty() {
            return None;
        }
        let piece = self.piece();
        if piece.is_err() {
            (self.rest, self.depth, self.begun) = ("", 0, true);
        }
        Some(piece)
    }
}

impl<'a> Pieces<'a> {
    fn piece(&mut self) -> Coded<Piece<'a>> {
        if self.begun && self.depth == 0 {
            return Err(NO_ARRAY);
        }
        let rest = match self.rest.strip_prefix(self.delimiter) {
            Some(rest) if self.depth > 0 => rest,
            _ => self.rest,
        };
        match rest.chars().next() {
            Some('{') => {
                (self.rest, self.begun) = (after(rest), true);
                self.depth += 1;
                Ok(Piece::Begin)
            }
            Some('}') if self.depth > 0 => {
                self.rest = after(rest);
                self.depth -= 1;
                Ok(Piece::End)
            }
            Some('"') if self.depth > 0 => self.quoted(after(rest)),
            Some(_) if self.depth > 0 => {
                let end = rest.find([self.delimiter, '}']).ok_or(NO_ARRAY)?;
                let (text, rest) = rest.split_at(end);
                self.rest = rest;
                Ok(match text {
                    text if text.eq_ignore_ascii_case("null") => Piece::Null,
                    text => Piece::Text(Cow::Borrowed(text)),
                })
            }
            _ => Err(NO_ARRAY),
        }
    }

    fn quoted(&mut self, rest: &'a str) -> Coded<Piece<'a>> {
        let end = rest.find(['"', '\\']).ok_or(NO_ARRAY)?;
        let (plain, tail) = rest.split_at(end);
        if let Some(tail) = tail.strip_prefix('"') {
            self.rest = tail;
            return Ok(Piece::Text(Cow::Borrowed(plain)));
        }
        let mut text = plain.to_owned();
        let mut characters = tail.chars();
        loop {
            match characters.next().ok_or(NO_ARRAY)? {
                '"' => break,
                '\\' => text.push(characters.next().ok_or(NO_ARRAY)?),
                character => text.push(character),
            }
        }
        self.rest = characters.as_str();
        Ok(Piece::Text(Cow::Owned(text)))
    }
}

fn after(text: &str) -> &str {
    let mut characters = text.chars();
    characters.next();
    characters.as_str()
}

/// Appends an element, in quotes whether it needs them or not.
pub fn quote(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        if matches!(character, '"' | '\\') {
            out.push('\\');
        }
        out.push(character);
    }
    out.push('"');
}

const NO_ARRAY: Reason = "it is no array in text form";

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(text: &str) -> Coded<Vec<String>> {
        array(text, b',')
            .map(|piece| {
                Ok(match piece? {
                    Piece::Begin => "{".into(),
                    Piece::End => "}".into(),
                    Piece::Null => "NULL".into(),
                    Piece::Text(text) => format!("<{text}>"),
                })
            })
            .collect()
    }

    #[test]
    fn an_array_is_taken_apart() {
        for (text, expected) in [
            ("{}", "{ }"),
            ("{a,NULL,\"null\"}", "{ <a> NULL <null> }"),
            (r#"{"a,b","\"\\","{}",""}"#, r#"{ <a,b> <"\> <{}> <> }"#),
            ("{{1,2},{3,4}}", "{ { <1> <2> } { <3> <4> } }"),
            ("[0:1]={1,2}", "{ <1> <2> }"),
            ("{ä}", "{ <ä> }"),
        ] {
            assert_eq!(pieces(text).unwrap().join(" "), expected, "{text}");
        }
        let apart: Vec<_> = array("{1,2;3}", b';').map(Result::unwrap).collect();
        assert_eq!(apart[1], Piece::Text("1,2".into()));
    }

    #[test]
    fn what_is_no_array_is_refused() {
        for text in ["", "a", "{", "{a", "[0:1]", "{\"a", "{}x", "}", "{\"a\\"] {
            assert_eq!(pieces(text), Err(NO_ARRAY), "{text}");
        }
    }

    #[test]
    fn a_quoted_element_comes_back() {
        for element in ["", "a\"b\\c", "null", "{,}", "ä "] {
            let mut text = "{".to_owned();
            quote(element, &mut text);
            text.push('}');
            let all: Coded<Vec<_>> = array(&text, b',').collect();
            assert_eq!(all.unwrap()[1], Piece::Text(element.into()));
        }
    }
}
