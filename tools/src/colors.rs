//! Whether what is written shall carry colour codes.

use std::ffi::OsStr;
use std::io::IsTerminal;

/// A terminal gets colours, a file or pipe none. `NO_COLOR`, when it says anything, forbids them; `CLICOLOR_FORCE`, when it is
/// not 0, wants them everywhere; `CLICOLOR=0` and `TERM=dumb` forbid them on terminals (no-color.org, bixense.com/clicolors).
pub(crate) fn wanted(stream: &impl IsTerminal) -> bool {
    decide(stream.is_terminal(), |name| std::env::var_os(name).filter(|value| !value.is_empty()))
}

fn decide<T: AsRef<OsStr>>(terminal: bool, variable: impl Fn(&str) -> Option<T>) -> bool {
    let is = |name: &str, value: &str| variable(name).is_some_and(|found| found.as_ref() == value);
    let forced = variable("CLICOLOR_FORCE").is_some() && !is("CLICOLOR_FORCE", "0");
    let plain = is("CLICOLOR", "0") || is("TERM", "dumb");
    variable("NO_COLOR").is_none() && (forced || (terminal && !plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_for_terminals_and_who_asks() {
        let check = |terminal: bool, set: &[(&str, &'static str)], expected: bool| {
            let variable = |name: &str| set.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
            assert_eq!(decide(terminal, variable), expected, "{terminal} {set:?}");
        };
        check(true, &[], true);
        check(false, &[], false);
        check(true, &[("NO_COLOR", "1")], false);
        check(false, &[("CLICOLOR_FORCE", "1")], true);
        check(false, &[("CLICOLOR_FORCE", "0")], false);
        check(true, &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], false);
        check(true, &[("CLICOLOR", "0")], false);
        check(true, &[("TERM", "dumb")], false);
    }
}
