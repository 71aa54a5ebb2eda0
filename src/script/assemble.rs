//! Puts a command and the shared routines it includes into one script.

use std::fmt::Write as _;

/// A script as Redis gets it.
#[derive(Debug)]
pub(super) struct Assembled {
    pub(super) text: String,
    pub(super) sha1: String,
}

/// Resolves `-- include` lines depth first; headers are left out.
///
/// Those of a header come first, each routine once. One inside the code stands where it is, with
/// what it needs and is not yet in scope there: the routine is made only when a run comes there,
/// which keeps what is rare out of the cost of every run.
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
    in_scope: &mut Vec<&'a str>,
    text: &mut String,
) {
    let (header, body) = split_header(source);
    for line in header.lines() {
        include_named(line, shared, in_scope, text);
    }
    for line in body.trim_end().lines() {
        if names_on(line).is_some() {
            include_named(line.trim_start(), shared, &mut in_scope.clone(), text);
        } else {
            let _into_memory = writeln!(text, "{line}");
        }
    }
}

fn include_named<'a>(
    line: &'a str,
    shared: &dyn Fn(&str) -> Option<&'static str>,
    in_scope: &mut Vec<&'a str>,
    text: &mut String,
) {
    for name in names_on(line).into_iter().flat_map(str::split_whitespace) {
        if !in_scope.contains(&name) {
            in_scope.push(name);
            if let Some(routine) = shared(name) {
                include(routine, shared, in_scope, text);
            }
        }
    }
}

/// What an `-- include` line includes.
fn names_on(line: &str) -> Option<&str> {
    line.trim_start().strip_prefix("-- include ")
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

/// The names on all `-- include` lines of a file.
#[cfg(test)]
pub(super) fn included(source: &str) -> impl Iterator<Item = &str> {
    source
        .lines()
        .filter_map(names_on)
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
            "d" => Some("-- D.\n-- include c\nlocal function d() return c() + 1 end\n"),
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
    #[test]
    fn one_inside_the_code_stands_there_with_what_is_not_in_scope() {
        let source = "-- A.\n--\n-- include b\nif x then\n  -- include d c\n  return d()\nend\n\
                      -- include d\nreturn d()\n";
        let d = "local function d() return c() + 1 end\n";
        assert_eq!(
            assemble(source, &library).text,
            format!(
                "local function c() return 1 end\nlocal function b() return c() end\n\
                 if x then\n{d}  return d()\nend\n{d}return d()\n"
            )
        );
    }
}
