//! Puts a command and the shared routines it includes into one script.

use std::fmt::Write as _;

/// A script as Redis gets it.
#[derive(Debug)]
pub(super) struct Assembled {
    pub(super) text: String,
    pub(super) sha1: String,
}

/// Resolves `-- include` lines depth first, each routine once; headers are left out.
///
/// An unknown or circular include cannot reach a user: a test assembles every script. Here an
/// unknown one is skipped and a circular one is cut, and the server would refuse the script.
pub(super) fn assemble(source: &str, shared: &dyn Fn(&str) -> Option<&'static str>) -> Assembled {
    let mut done = Vec::new();
    let mut text = String::new();
    include(source, shared, &mut done, &mut text);
    let sha1 = sha1_smol::Sha1::from(&text).digest().to_string();
    Assembled { text, sha1 }
}

fn include<'a>(
    source: &'a str,
    shared: &dyn Fn(&str) -> Option<&'static str>,
    done: &mut Vec<&'a str>,
    text: &mut String,
) {
    let (header, body) = split_header(source);
    for name in included(header) {
        if !done.contains(&name) {
            done.push(name);
            if let Some(routine) = shared(name) {
                include(routine, shared, done, text);
            }
        }
    }
    let _into_memory = writeln!(text, "{}", body.trim_end());
}

/// The comment lines a file begins with, and the rest.
pub(super) fn split_header(source: &str) -> (&str, &str) {
    let mut end = 0;
    for line in source.split_inclusive('\n') {
        if !line.starts_with("--") {
            break;
        }
        end += line.len();
    }
    source.split_at(end)
}

/// The names on a header's `-- include` lines.
pub(super) fn included(header: &str) -> impl Iterator<Item = &str> {
    header
        .lines()
        .filter_map(|line| line.strip_prefix("-- include "))
        .flat_map(str::split_whitespace)
}

/// The text after a header's `-- <field>`.
pub(super) fn header_field<'a>(header: &'a str, field: &str) -> Option<&'a str> {
    header.lines().find_map(|line| {
        line.strip_prefix("-- ")?
            .strip_prefix(field)?
            .strip_prefix(' ')
            .map(str::trim)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn library(name: &str) -> Option<&'static str> {
        match name {
            "b" => Some("-- B.\n-- include c\nlocal function b() return c() end\n"),
            "c" => Some("-- C.\nlocal function c() return 1 end\n"),
            _ => None,
        }
    }

    #[test]
    fn a_routine_comes_once_and_before_what_needs_it() {
        let source = "-- A.\n--\n-- include c b\nlocal k = unpack(KEYS)\nreturn b() -- kept\n";
        assert_eq!(
            assemble(source, &library).text,
            "local function c() return 1 end\nlocal function b() return c() end\n\
             local k = unpack(KEYS)\nreturn b() -- kept\n"
        );
    }
}
