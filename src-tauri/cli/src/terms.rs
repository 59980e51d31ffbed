//! Points a person at the terms, once: the first time that a command which touches a login runs on a terminal. Nothing is asked
//! and nothing waits; a script hears nothing of it. Agreeing is the app's to ask for.

use std::io::{self, IsTerminal as _};

use signalbox_core::ports::Ports;

use crate::args::Command;
use crate::render;

const POINTER: &str = "note: what Signalbox does may be against Anthropic's terms, and the risk is yours: read \
                       https://github.com/signalbox-app/signalbox/blob/main/docs/terms.md\n";

/// Says it, where a person sees it who has not seen it yet.
pub fn point_at_once(ports: &Ports, command: &Command, json: bool) {
    if json || !touches_a_login(command) || !io::stderr().is_terminal() || !io::stdin().is_terminal() {
        return;
    }
    let terms = ports.preferences.terms();
    if terms.are_known() {
        return;
    }
    render::complain(POINTER);
    // Whoever cannot be remembered to have seen it sees it again, which hinders nobody.
    if let Err(error) = ports.preferences.set_terms(terms.pointed_at_now()) {
        tracing::info!(%error, "that the terms were pointed at could not be written down");
    }
}

/// Whether it may read, renew, save or replace one. A command that is not named here does.
fn touches_a_login(command: &Command) -> bool {
    !matches!(
        command,
        Command::List(_)
            | Command::Status
            | Command::Usage { refresh: false, .. }
            | Command::History(_)
            | Command::Log { .. }
            | Command::Remove { .. }
            | Command::Rename { .. }
            | Command::Doctor { .. }
            | Command::Statusline(_)
            | Command::Completions { .. }
    )
}
