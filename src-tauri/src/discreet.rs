//! Words without e-mail addresses, for those who hide them always. Owns what takes an address's place; leaves when to hide to
//! the `View`, and numbers to whoever writes them.

/// What stands in the place of an address.
const SOMEBODY: &str = "another account";

/// The text with every e-mail address replaced. Marks around one stay.
pub fn without_addresses(text: &str) -> String {
    text.split_inclusive(char::is_whitespace).map(word).collect()
}

fn word(word: &str) -> String {
    let is_mark = |c: char| !c.is_alphanumeric();
    let address = word.trim_matches(is_mark);
    match address.split_once('@') {
        Some((user, host)) if !user.is_empty() && !host.is_empty() => word.replacen(address, SOMEBODY, 1),
        _ => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::without_addresses;

    #[test]
    fn an_address_is_replaced_and_nothing_else() {
        for (text, expected) in [
            (
                "The live login belongs to ada@example.org, which is no profile.",
                "The live login belongs to another account, which is no profile.",
            ),
            ("(ada+work@mail.example.org)\nnext", "(another account)\nnext"),
            ("ada@example.org is live", "another account is live"),
            ("work@ 5 @ 3 — 82 % (5h)", "work@ 5 @ 3 — 82 % (5h)"),
            ("", ""),
        ] {
            assert_eq!(without_addresses(text), expected);
        }
    }
}
