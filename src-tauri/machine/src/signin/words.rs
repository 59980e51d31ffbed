//! What the child says, read with care: the page that a person is to open, and the line that tells why there is no login.
//! Owns which text counts and what is left out of it; leaves where the text lies to `attempt`.

use reqwest::Url;

/// Longer addresses are none that Claude Code opens: its own have some 600 characters.
const PAGE_CHARS_MAX: usize = 8192;
/// What is shown of a line.
const SAID_CHARS_MAX: usize = 200;
/// A run of letters and digits as long as this may be a token or a code, whatever stands around it.
const SECRET_CHARS: usize = 20;
/// The path of every page that asks for a consent (`docs/observed.md` §7).
const AUTHORIZE: &str = "/oauth/authorize";
/// Stands before whatever is said after it, on one line where there is no terminal.
const PROMPT: &str = "Paste code here if prompted >";
/// Lines on the way to the browser: they tell nothing of how it ended.
const ON_THE_WAY: [&str; 2] = ["Opening browser", "If the browser didn't open"];
/// What programs say that cannot do without a terminal.
const NO_TERMINAL: [&str; 4] = ["raw mode is not supported", "not a tty", "requires a tty", "stdin is not a terminal"];

/// The address, if it is one that a browser may be sent to: over TLS, or to this very machine.
pub fn page(text: &str) -> Option<String> {
    let text = text.trim();
    if text.len() > PAGE_CHARS_MAX || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return None;
    }
    let url = Url::parse(text).ok()?;
    let here = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    let fit = url.scheme() == "https" || (url.scheme() == "http" && here);
    let nobody = url.username().is_empty() && url.password().is_none();
    (fit && nobody && url.host_str().is_some()).then(|| text.to_owned())
}

/// The address that is printed for whoever has no browser on this machine. It ends on a page that shows a code.
pub fn printed_page(said: &str) -> Option<String> {
    let plain = plain(said);
    let words = plain.split_whitespace().filter(|word| word.contains(AUTHORIZE));
    words.filter_map(page).next_back()
}

/// The last line that tells something, without what could be a secret.
pub fn last_line(said: &str) -> Option<String> {
    let plain = plain(said);
    let lines = plain.lines().rev().map(|line| line.rsplit(PROMPT).next().unwrap_or(line).trim());
    let telling = |line: &&str| {
        let on_the_way = ON_THE_WAY.iter().any(|start| line.starts_with(start));
        line.chars().any(char::is_alphabetic) && !on_the_way && page(line).is_none()
    };
    lines.filter(telling).map(without_secrets).next()
}

/// Whether the child gave up because it has no terminal.
pub fn wants_terminal(said: &str) -> bool {
    let said = plain(said).to_lowercase();
    NO_TERMINAL.iter().any(|words| said.contains(words))
}

/// The text without what steers a terminal. A return is the end of a line.
fn plain(said: &str) -> String {
    let mut plain = String::with_capacity(said.len());
    let mut chars = said.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '\u{1b}' => match chars.next() {
                // CSI: to its final letter.
                Some('[') => while chars.next().is_some_and(|char| !('@'..='~').contains(&char)) {},
                // OSC: to a bell, or to the beginning of the next sequence, which ends it.
                Some(']') => while chars.next_if(|char| !matches!(char, '\u{7}' | '\u{1b}')).is_some() {},
                _ => {}
            },
            '\n' | '\r' => plain.push('\n'),
            '\t' => plain.push(' '),
            char if char.is_control() => {}
            char => plain.push(char),
        }
    }
    plain
}

fn without_secrets(line: &str) -> String {
    let is_part = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_');
    let mut shown = String::new();
    let mut run = String::new();
    for char in line.chars().map(Some).chain([None]) {
        if let Some(part) = char.filter(|char| is_part(*char)) {
            run.push(part);
            continue;
        }
        let secret = run.len() >= SECRET_CHARS || run.starts_with("sk-");
        shown.push_str(if secret { "…" } else { &run });
        run.clear();
        shown.extend(char);
    }
    match shown.char_indices().nth(SAID_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &shown[..end]),
        None => shown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What 2.1.330 printed, and 2.1.41, which puts the address on the same line.
    const NEW: &str = "Opening browser to sign in…\nIf the browser didn't open, visit:\n\
        https://claude.ai/oauth/authorize?z-VP_6w7-0o-BBfVWc5W0lfZs1Ka1HrOiVy705t_k_P6M&login_hint=ada%40example.org\n\
        Paste code here if prompted > ";
    const OLD: &str = "Opening browser to sign in…\nIf the browser didn't open, visit: \
        https://claude.ai/oauth/authorize?code=true&client_id=a&state=cql-Vsxzm0l2\n";

    #[test]
    fn the_printed_address_is_found_wherever_it_stands() {
        let short = "https://claude.ai/oauth/authorize?z-VP_6w7-0o-BBfVWc5W0lfZs1Ka1HrOiVy705t_k_P6M&login_hint=ada%40example.org";
        assert_eq!(printed_page(NEW).as_deref(), Some(short));
        let long = "https://claude.ai/oauth/authorize?code=true&client_id=a&state=cql-Vsxzm0l2";
        assert_eq!(printed_page(OLD).as_deref(), Some(long));
        let coloured = format!("\u{1b}[2K\u{1b}[1;34m{long}\u{1b}[0m\r\n\u{1b}]0;claude\u{7}");
        assert_eq!(printed_page(&coloured).as_deref(), Some(long));
        assert_eq!(printed_page("see https://example.org/help"), None);
        assert_eq!(printed_page(""), None);
    }

    #[test]
    fn a_browser_is_sent_to_tls_or_to_this_machine_and_nowhere_else() {
        for fit in [
            "https://claude.com/cai/oauth/authorize?x=1",
            "http://127.0.0.1:4711/oauth/authorize",
            "http://localhost:1/x",
            "http://[::1]:1/x",
        ] {
            assert_eq!(page(&format!(" {fit}\n")).as_deref(), Some(fit));
        }
        let long = format!("https://claude.ai/{}", "a".repeat(PAGE_CHARS_MAX));
        for unfit in [
            "",
            "claude.ai",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "http://claude.ai/oauth/authorize",
            "http://localhost:80@example.org/",
            "https://me:pw@claude.ai/",
            "https://claude.ai/ two",
            "--help",
            &long,
        ] {
            assert_eq!(page(unfit), None, "{unfit}");
        }
    }

    #[test]
    fn the_last_telling_line_is_shown_whatever_surrounds_it() {
        let said = |text: &str| last_line(&format!("{NEW}{text}"));
        assert_eq!(said(""), None);
        assert_eq!(
            said("Couldn't log in: No authorization code received\n").as_deref(),
            Some("Couldn't log in: No authorization code received")
        );
        assert_eq!(said("\u{1b}[31mCouldn't log in: x\u{1b}[0m\r\n\n  > \n").as_deref(), Some("Couldn't log in: x"));
        assert_eq!(last_line(OLD), None);
        assert_eq!(last_line("\u{0}\u{7f}…\n"), None);
    }

    #[test]
    fn nothing_that_could_be_a_secret_is_shown() {
        for (secret, shown) in [
            ("the token sk-ant-oat01-sim-a was refused", "the token … was refused"),
            ("bad code abcdefghijklmnopqrstuvwxyz0123456789#VP_6w7-0o-BBfVWc5W0lfZs1", "bad code …#…"),
            ("at https://claude.ai/x?code=abcdefghijklmnopqrstuvwxyz", "at https://claude.ai/x?code=…"),
            ("{\"code\":\"ABCDEFGHIJKLMNOPQRSTUVWXYZ\"}", "{\"code\":\"…\"}"),
            ("Request failed with status code 400", "Request failed with status code 400"),
        ] {
            assert_eq!(last_line(secret).as_deref(), Some(shown));
        }
        let long = last_line(&"word ".repeat(100)).expect("a line");
        assert!(long.ends_with('…') && long.chars().count() == SAID_CHARS_MAX + 1, "{long}");
    }

    #[test]
    fn a_child_that_misses_its_terminal_is_told_from_others() {
        assert!(wants_terminal("Error: Raw mode is not supported on the current process.stdin, which Ink uses"));
        assert!(wants_terminal("the input device is not a TTY"));
        assert!(!wants_terminal(NEW));
        assert!(!wants_terminal("Couldn't log in: Request failed with status code 400"));
    }
}
