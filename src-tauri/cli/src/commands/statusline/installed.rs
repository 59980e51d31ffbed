//! The arguments as they stand in Claude Code's settings. Owns reading those by themselves: the definition of all commands
//! would be put together anew after every answer, and take more memory than all the rest. Whatever else is typed, and all
//! that is wrong, is left to `crate::args`, which reads the same from these words.

use std::ffi::OsString;

use clap::ValueEnum as _;

use crate::args::{Place, StatuslineOptions};

/// What `statusline` and pairs of an option and its value say. `None`: there is more to it. `words`: without the
/// program.
pub fn options(words: impl IntoIterator<Item = OsString>) -> Option<StatuslineOptions> {
    let mut words = words.into_iter().map(OsString::into_string);
    words.next()?.ok().filter(|word| word == "statusline")?;
    let mut options = StatuslineOptions {
        format: None,
        wrap: None,
        place: None,
        install: false,
        uninstall: false,
        check: false,
        yes: false,
    };
    while let Some(name) = words.next() {
        let value = words.next()?.ok().filter(|value| !value.is_empty() && !value.starts_with('-'))?;
        // What is said twice is a mistake.
        let is_first = match name.ok()?.as_str() {
            "--format" => options.format.replace(value).is_none(),
            "--wrap" => options.wrap.replace(value).is_none(),
            "--place" => options.place.replace(Place::from_str(&value, false).ok()?).is_none(),
            _ => false,
        };
        if !is_first {
            return None;
        }
    }
    Some(options)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Args, Command};
    use clap::Parser as _;
    use proptest::prelude::*;

    fn read(words: &[&str]) -> Option<StatuslineOptions> {
        options(words.iter().map(OsString::from))
    }

    /// What the definition of all commands makes of the same words.
    fn defined(words: &[String]) -> Option<StatuslineOptions> {
        let words = std::iter::once("signalbox").chain(words.iter().map(String::as_str));
        match Args::try_parse_from(words).ok()?.command {
            Command::Statusline(options) => Some(options),
            _ => None,
        }
    }

    #[test]
    fn what_stands_in_the_settings_is_read() {
        assert!(read(&["statusline"]).is_some_and(|options| options.draws()));
        let all = ["statusline", "--format", "{5h} é", "--place", "after", "--wrap", "jq -r '.model'"];
        let all = read(&all).expect("read");
        assert_eq!(
            (all.format.as_deref(), all.place, all.wrap.as_deref()),
            (Some("{5h} é"), Some(Place::After), Some("jq -r '.model'"))
        );
    }

    #[test]
    fn everything_else_is_left_to_the_definition() {
        for words in [
            &["list"][..],
            &[],
            &["statusline", "--install"],
            &["statusline", "--help"],
            &["statusline", "--json"],
            &["--json", "statusline"],
            &["statusline", "--wrap"],
            &["statusline", "--wrap", ""],
            &["statusline", "--wrap", "--install"],
            &["statusline", "--wrap", "a", "--wrap", "b"],
            &["statusline", "--place", "beside"],
            &["statusline", "--place=above"],
            &["statusline", "above"],
        ] {
            assert!(read(words).is_none(), "{words:?}");
        }
    }

    const NAMES: [&str; 10] =
        ["statusline", "list", "--format", "--wrap", "--place", "--place=above", "--install", "--json", "--", "-h"];
    const VALUES: [&str; 9] = ["above", "below", "before", "after", "beside", "", "-", "{profile}", "a 'b' \"c\" = d"];

    fn word() -> impl Strategy<Value = String> {
        prop_oneof![
            3 => prop::sample::select(NAMES.as_slice()).prop_map(str::to_owned),
            2 => prop::sample::select(VALUES.as_slice()).prop_map(str::to_owned),
            1 => "\\PC{0,8}",
        ]
    }

    proptest! {
        #[test]
        fn the_definition_reads_the_same_wherever_this_reads_something(
            words in prop::collection::vec(word(), 0..6),
            is_one in any::<bool>(),
        ) {
            let first = is_one.then(|| "statusline".to_owned());
            let words: Vec<String> = first.into_iter().chain(words).collect();
            if let Some(read) = options(words.iter().map(OsString::from)) {
                let defined = defined(&words).map(|options| format!("{options:?}"));
                prop_assert_eq!(Some(format!("{read:?}")), defined, "{:?}", words);
            }
        }

        #[test]
        fn pairs_of_an_option_and_a_value_are_read_by_both(
            format in "[^-\\pC][^\\pC]{0,12}", wrap in "[^-\\pC][^\\pC]{0,12}", turned in any::<bool>(),
        ) {
            let mut pairs = vec![["--format", format.as_str()], ["--wrap", wrap.as_str()], ["--place", "below"]];
            if turned { pairs.reverse(); }
            let words: Vec<String> =
                std::iter::once("statusline").chain(pairs.into_iter().flatten()).map(str::to_owned).collect();
            let read = options(words.iter().map(OsString::from));
            prop_assert!(read.is_some());
            prop_assert_eq!(read.map(|read| format!("{read:?}")), defined(&words).map(|read| format!("{read:?}")));
        }
    }
}
