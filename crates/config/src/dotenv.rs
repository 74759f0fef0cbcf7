//! Reads `.env` files as python-dotenv does, which the original service used.
//!
//! Written here rather than taken from a crate, because a problem has to name its line and must not repeat
//! it (it may hold a secret), and because references to other variables must not reach for the process's
//! environment behind our back.

use std::iter::Peekable;
use std::str::Chars;

/// One variable.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Variable {
    pub(crate) line: usize,
    pub(crate) name: String,
    pub(crate) value: String,
}

/// A line that is no variable.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Broken {
    pub(crate) line: usize,
    pub(crate) message: &'static str,
}

/// Every variable in order, and every line that is none.
///
/// `NAME=value`, `export NAME=value`, blanks around `=`; `#` starts a comment at the beginning of a line or
/// behind a blank. Values in `'…'` are literal, in `"…"` they have `\n`, `\t`, `\"` and so on; both may
/// span lines. `${NAME}` and `${NAME:-default}`, outside of `'…'`, stand for variables of `environment` or
/// of an earlier line.
pub(crate) fn parse(
    text: &str,
    environment: impl Fn(&str) -> Option<String>,
) -> (Vec<Variable>, Vec<Broken>) {
    let mut scanner = Scanner {
        rest: text.strip_prefix('\u{feff}').unwrap_or(text).chars().peekable(),
        line: 1,
    };
    let mut variables: Vec<Variable> = Vec::new();
    let mut broken = Vec::new();
    while let Some(line) = scanner.start_of_entry() {
        match scanner.entry() {
            Ok((name, value)) => {
                let lookup = |wanted: &str| {
                    environment(wanted).or_else(|| {
                        variables
                            .iter()
                            .rev()
                            .find(|v| v.name == wanted)
                            .map(|v| v.value.clone())
                    })
                };
                let value = match value {
                    Value::Literal(value) => value,
                    Value::Template(template) => expand(&template, lookup),
                };
                variables.push(Variable { line, name, value });
            }
            Err(message) => {
                broken.push(Broken { line, message });
                scanner.skip_line();
            }
        }
    }
    (variables, broken)
}

enum Value {
    Literal(String),
    Template(String),
}

struct Scanner<'a> {
    rest: Peekable<Chars<'a>>,
    line: usize,
}

impl Scanner<'_> {
    fn next(&mut self) -> Option<char> {
        let next = self.rest.next();
        if next == Some('\n') {
            self.line += 1;
        }
        next
    }

    fn next_if(&mut self, wanted: impl Fn(char) -> bool) -> Option<char> {
        let next = *self.rest.peek()?;
        if wanted(next) { self.next() } else { None }
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> String {
        std::iter::from_fn(|| self.next_if(&wanted)).collect()
    }

    /// Skips empty lines and comments; the number of the line on which something else begins.
    fn start_of_entry(&mut self) -> Option<usize> {
        loop {
            self.take_while(char::is_whitespace);
            if self.rest.peek()? != &'#' {
                return Some(self.line);
            }
            self.skip_line();
        }
    }

    fn skip_line(&mut self) {
        self.take_while(|c| c != '\n');
    }

    fn blanks(&mut self) {
        self.take_while(is_blank);
    }

    fn entry(&mut self) -> Result<(String, Value), &'static str> {
        const EXPECTED: &str = "expected `NAME=value`";
        let mut name = self.take_while(is_name);
        self.blanks();
        if name == "export" && self.rest.peek() != Some(&'=') {
            name = self.take_while(is_name);
            self.blanks();
        }
        if name.is_empty() || self.next_if(|c| c == '=').is_none() {
            return Err(EXPECTED);
        }
        self.blanks();
        let value = match self.rest.peek() {
            Some('\'') => Value::Literal(self.quoted('\'')?),
            Some('"') => Value::Template(self.quoted('"')?),
            _ => return Ok((name, Value::Template(self.bare()))),
        };
        self.blanks();
        match self.rest.peek() {
            None | Some('\n' | '\r' | '#') => {
                self.skip_line();
                Ok((name, value))
            }
            Some(_) => Err("something follows the closing quote"),
        }
    }

    fn bare(&mut self) -> String {
        let mut value = String::new();
        while let Some(c) = self.next_if(|c| c != '\n') {
            if c == '#' && (value.is_empty() || value.ends_with(is_blank)) {
                self.skip_line();
                break;
            }
            value.push(c);
        }
        value.trim_end().to_owned()
    }

    fn quoted(&mut self, quote: char) -> Result<String, &'static str> {
        // What follows an opening quote that is never closed is not swallowed: later lines are read as usual.
        let (start, line) = (self.rest.clone(), self.line);
        self.next();
        let mut value = String::new();
        loop {
            match self.next() {
                None => {
                    (self.rest, self.line) = (start, line);
                    return Err("a quote is not closed");
                }
                Some(c) if c == quote => return Ok(value),
                Some('\\') => value.push_str(&self.escape(quote)),
                Some(c) => value.push(c),
            }
        }
    }

    fn escape(&mut self, quote: char) -> String {
        let Some(next) = self.next() else {
            return "\\".to_owned();
        };
        match next {
            '\\' => "\\".to_owned(),
            c if c == quote => c.to_string(),
            'n' if quote == '"' => "\n".to_owned(),
            'r' if quote == '"' => "\r".to_owned(),
            't' if quote == '"' => "\t".to_owned(),
            other => format!("\\{other}"),
        }
    }
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-')
}

fn is_blank(c: char) -> bool {
    c != '\n' && c.is_whitespace()
}

fn expand(template: &str, lookup: impl Fn(&str) -> Option<String>) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((reference, behind)) = after.split_once('}') else {
            break;
        };
        let (name, default) = reference.split_once(":-").unwrap_or((reference, ""));
        out.push_str(before);
        out.push_str(
            &lookup(name)
                .filter(|value| !value.is_empty())
                .unwrap_or_else(|| default.to_owned()),
        );
        rest = behind;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Variables as line, name and value, broken lines as line and message.
    type Parsed = (Vec<(usize, String, String)>, Vec<(usize, &'static str)>);

    fn parse_alone(text: &str) -> Parsed {
        let (variables, broken) = parse(text, |name| (name == "OUTER").then(|| "outer".to_owned()));
        let variables = variables.into_iter().map(|v| (v.line, v.name, v.value));
        (
            variables.collect(),
            broken.into_iter().map(|b| (b.line, b.message)).collect(),
        )
    }

    #[test]
    fn values() {
        for (text, expected) in [
            ("A=b", "b"),
            ("\u{feff}A=b", "b"),
            ("export A = b  ", "b"),
            ("A=", ""),
            ("A=b c # comment", "b c"),
            ("A=b#c", "b#c"),
            ("A= # comment", ""),
            ("A=b\r\n", "b"),
            ("A='b # $c ${OUTER}\\n'", "b # $c ${OUTER}\\n"),
            ("A=\"b\\nc \\\"d\\\"\" # comment", "b\nc \"d\""),
            ("A=\"two\nlines\"", "two\nlines"),
            ("A=${OUTER}/${NONE}${NONE:-else}", "outer/else"),
            ("A=\"<${OUTER}>\"", "<outer>"),
            ("A=p$w${", "p$w${"),
            ("A=sqlite:///./data/app.db", "sqlite:///./data/app.db"),
            ("A=x=y", "x=y"),
        ] {
            let (variables, broken) = parse_alone(text);
            assert_eq!(variables, [(1, "A".to_owned(), expected.to_owned())], "{text:?}");
            assert_eq!(broken, [], "{text:?}");
        }
    }

    #[test]
    fn lines_are_counted_and_references_see_earlier_ones() {
        let text = "# one\n\nA=1\nB=\"x\ny\"\n  C=${A}${B}\nexport\nD 4\nG='7' 8\nH='open\nI=9";
        let (variables, broken) = parse_alone(text);
        let found: Vec<_> = variables
            .iter()
            .map(|(line, name, value)| (*line, &**name, &**value))
            .collect();
        assert_eq!(
            found,
            [(3, "A", "1"), (4, "B", "x\ny"), (6, "C", "1x\ny"), (11, "I", "9")]
        );
        let expected = [
            (7, "expected `NAME=value`"),
            (8, "expected `NAME=value`"),
            (9, "something follows the closing quote"),
            (10, "a quote is not closed"),
        ];
        assert_eq!(broken, expected);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_loss_of_the_last_line(text in "[ -~\n]{0,60}") {
            let text = text.replace(['"', '\''], "");
            let (variables, _) = parse_alone(&format!("{text}\nLAST=1"));
            prop_assert!(variables.iter().any(|(_, name, value)| name == "LAST" && value == "1"));
        }

        #[test]
        fn a_quoted_value_comes_back(value in "[ -~]{0,30}") {
            let literal = value.replace('\\', "\\\\").replace('\'', "\\'");
            let (variables, broken) = parse_alone(&format!("A='{literal}'"));
            prop_assert_eq!(broken, []);
            prop_assert_eq!(&variables[0].2, &value);
        }
    }
}
