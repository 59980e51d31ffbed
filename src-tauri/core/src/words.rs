//! Words for lengths of time, badges and next steps, for the tray and the command line. The board has the same words in
//! `format.ts` and `copy.ts`, because its ages tick without asking us. Leaves meaning to `policy` and `error`.

use std::fmt::Display;

use chrono::{NaiveDate, TimeZone};

use crate::board::{Badge, Card, Deadline, LiveState, Meter, Outlook, Reason, SpendView};
use crate::bootstrap::Bootstrap;
use crate::error::NextStep;
use crate::profile::Alias;
use crate::time::{DAY, HOUR, MINUTE, SECOND, Timestamp};

/// "12 s", "4 min", "3 h", "2 days": the largest whole unit.
pub fn length(ms: i64) -> String {
    let ms = ms.max(0);
    match ms {
        _ if ms < MINUTE => format!("{} s", ms / SECOND),
        _ if ms < HOUR => format!("{} min", ms / MINUTE),
        _ if ms < DAY => format!("{} h", ms / HOUR),
        _ if ms < 2 * DAY => "1 day".to_owned(),
        _ => format!("{} days", ms / DAY),
    }
}

/// A countdown as on a meter: "52m", "1h56", "3d 4h".
pub fn countdown(until: Timestamp, now: Timestamp) -> String {
    let minutes = until.since(now).max(0) / MINUTE;
    let (days, hours, rest) = (minutes / (24 * 60), minutes / 60 % 24, minutes % 60);
    match (days, hours) {
        (0, 0) => format!("{rest}m"),
        (0, _) => format!("{hours}h{rest:02}"),
        _ => format!("{days}d {hours}h"),
    }
}

/// A moment where the person is: "14:20" today, "Tue 14:20" within six days, "14 May" otherwise. `zone` is the caller's, because
/// nobody in here knows where that is.
pub fn clock<Zone: TimeZone>(at: Timestamp, now: Timestamp, zone: &Zone) -> String
where
    Zone::Offset: Display,
{
    let local = |moment: Timestamp| zone.timestamp_millis_opt(moment.ms()).single();
    let (Some(at), Some(now)) = (local(at), local(now)) else { return "?".to_owned() };
    let days = |date: NaiveDate| date.signed_duration_since(now.date_naive()).num_days();
    let form = match days(at.date_naive()) {
        0 => "%H:%M",
        -6..=6 => "%a %H:%M",
        _ => "%-d %b",
    };
    at.format(form).to_string()
}

/// Where a window is going: "limit at 14:20 at this pace", "lasts until the reset", "used up until the reset". `None` where
/// there is too little to judge by.
pub fn outlook<Zone: TimeZone>(meter: &Meter, now: Timestamp, zone: &Zone) -> Option<String>
where
    Zone::Offset: Display,
{
    if meter.percent >= 100.0 {
        return Some(if meter.resets_at.is_some() { "used up until the reset" } else { "used up" }.to_owned());
    }
    Some(match meter.outlook? {
        Outlook::Limit { at } => format!("limit at {} at this pace", clock(at, now, zone)),
        Outlook::Lasts => "lasts until the reset".to_owned(),
    })
}

/// What was paid beyond the plan: "$5.41 of $20.00", "$5.41, no limit set".
pub fn spend(spend: &SpendView) -> String {
    match &spend.limit {
        Some(limit) => format!("{} of {limit}", spend.used),
        None => format!("{}, no limit set", spend.used),
    }
}

/// How a profile stands: the words of its badge, or of what is done about them.
pub fn standing(card: &Card, now: Timestamp) -> String {
    match (card.bootstrap, &card.badge.reason) {
        (Some(Bootstrap::Ready), _) => "click Authorize in its window".to_owned(),
        (Some(Bootstrap::Due), Reason::LoginNeeded) => "its window will come up".to_owned(),
        (Some(Bootstrap::Stalled { .. }), Reason::LoginNeeded) => "login needed, sign-in stalled".to_owned(),
        (Some(Bootstrap::Due | Bootstrap::Stalled { .. }) | None, _) => badge(&card.badge, now),
    }
}

/// The words of a badge.
pub fn badge(badge: &Badge, now: Timestamp) -> String {
    match &badge.reason {
        Reason::Synced { at } => format!("synced {} ago", length(now.since(*at))),
        Reason::Checked { at } => format!("checked {} ago", length(now.since(*at))),
        Reason::DeadlineNear { at, assumed } => deadline(Deadline { at: *at, assumed: *assumed }, now),
        Reason::Unconfirmed => "not confirmed".to_owned(),
        Reason::SignedOut => "signed out of Claude Code".to_owned(),
        Reason::Drifted => "another account is live".to_owned(),
        Reason::LoginNeeded => "login needed".to_owned(),
        Reason::CannotRenew => "cannot renew itself".to_owned(),
        Reason::NeverChecked => "never checked".to_owned(),
        Reason::Unreadable => "saved login unreadable".to_owned(),
    }
}

/// "login ends in 21 days", or that it is only assumed.
pub fn deadline(deadline: Deadline, now: Timestamp) -> String {
    let left = deadline.at.since(now);
    match (left > 0, deadline.assumed) {
        (false, false) => "login has ended".to_owned(),
        (false, true) => "login may have ended (assumed)".to_owned(),
        (true, false) => format!("login ends in {}", length(left)),
        (true, true) => format!("login ends in about {} (assumed)", length(left)),
    }
}

/// What is live, in one clause.
pub fn live_state(live: &LiveState) -> String {
    match live {
        LiveState::Known { alias } => format!("{alias} is live"),
        LiveState::Unregistered { email: Some(email) } => format!("{email} is live, which is no profile yet"),
        LiveState::Unregistered { email: None } => "a login that is no profile yet is live".to_owned(),
        LiveState::Unresolved => "the live login is not confirmed yet".to_owned(),
        LiveState::Husk => "Claude Code emptied its login".to_owned(),
        LiveState::Absent => "Claude Code is signed out".to_owned(),
        LiveState::Unreadable => "Claude Code's login cannot be read".to_owned(),
    }
}

/// How a setup-token comes to be this profile's.
pub fn new_token(alias: &Alias) -> String {
    format!("`claude setup-token` prints one; hand it to `signalbox add {alias} --setup-token`, which asks for it")
}

/// The next step as an imperative for the command line.
pub fn hint(step: &NextStep, now: Timestamp) -> String {
    match step {
        NextStep::SignIn { alias } => {
            format!("`signalbox rotate {alias}` signs in to it, and leaves the live login as it is")
        }
        NextStep::NewToken { alias } => new_token(alias),
        NextStep::AddProfile => "register it first with `signalbox add <alias>`".to_owned(),
        NextStep::Restore { alias } => format!("`signalbox use {alias}` brings your choice back"),
        NextStep::RemovePin { name, place: None } => {
            format!("`unset {name}`, also where your shell sets it, and start Claude Code again")
        }
        NextStep::RemovePin { name, place: Some(path) } => {
            format!("take `{name}` out of {path}, and start Claude Code again")
        }
        NextStep::InstallClaudeCode => "install Claude Code, or name it in settings.toml as `claude.program`".to_owned(),
        NextStep::StopWatch => "stop that one first, or leave the watch to it".to_owned(),
        NextStep::ListProfiles => "`signalbox list` shows the profiles there are".to_owned(),
        NextStep::Confirm => {
            "`signalbox rotate <alias>` adds a login without that risk; sign in with `/login` and never with `/logout`; to go on all \
             the same, add `--yes`"
                .to_owned()
        }
        NextStep::Wait { until } => format!("try again in {}", length(until.since(now))),
        NextStep::Retry => "try again".to_owned(),
        NextStep::CheckNetwork => "check the network connection, then try again".to_owned(),
        NextStep::Run { command } => format!("run `{command}`, then try again"),
        NextStep::FreeSpace { path } => format!("make room on the disk that holds {path}, then try again"),
        NextStep::UnlockKeychain => {
            "unlock the keychain with `security unlock-keychain ~/Library/Keychains/login.keychain-db`, then try again"
                .to_owned()
        }
        NextStep::AttendKeychain => {
            "answer the Keychain's dialog, or run `claude` and `/login`, then try again".to_owned()
        }
        NextStep::ReportBug => "please report this with the log in the data folder".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use chrono::FixedOffset;

    use super::*;
    use crate::board::Severity;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse_rfc3339(text).expect("a moment")
    }

    #[test]
    fn a_clock_time_is_local_and_says_the_day_where_it_is_another() {
        let zone = FixedOffset::east_opt(2 * 3600).expect("a zone");
        let now = at("2026-05-14T20:00:00Z");
        for (moment, words) in [
            ("2026-05-14T20:30:00Z", "22:30"),
            ("2026-05-14T22:30:00Z", "Fri 00:30"),
            ("2026-05-13T20:00:00Z", "Wed 22:00"),
            ("2026-05-20T12:00:00Z", "Wed 14:00"),
            ("2026-05-21T12:00:00Z", "21 May"),
            ("2026-05-01T12:00:00Z", "1 May"),
        ] {
            assert_eq!(clock(at(moment), now, &zone), words);
        }
        assert_eq!(clock(Timestamp::from_ms(i64::MAX), now, &zone), "?", "no calendar reaches as far");
    }

    #[test]
    fn an_outlook_is_a_clause_and_a_window_that_is_used_up_needs_no_forecast() {
        let now = at("2026-05-14T09:00:00Z");
        let meter = |percent, outlook| Meter {
            label: "5-hour".to_owned(),
            short: "5h".to_owned(),
            percent,
            resets_at: Some(now.plus(2 * HOUR)),
            period_ms: Some(5 * HOUR),
            severity: Severity::Normal,
            outlook,
        };
        let words = |percent, outlook_of| outlook(&meter(percent, outlook_of), now, &chrono::Utc);
        let limit = Some(Outlook::Limit { at: now.plus(80 * MINUTE) });
        assert_eq!(words(71.0, limit).as_deref(), Some("limit at 10:20 at this pace"));
        assert_eq!(words(20.0, Some(Outlook::Lasts)).as_deref(), Some("lasts until the reset"));
        assert_eq!(words(100.0, limit).as_deref(), Some("used up until the reset"));
        assert_eq!(words(20.0, None), None);
    }

    #[test]
    fn spend_says_what_of_how_much() {
        let view = |limit: Option<&str>| SpendView {
            used: "$5.41".to_owned(),
            limit: limit.map(str::to_owned),
            percent: None,
        };
        assert_eq!(spend(&view(Some("$20.00"))), "$5.41 of $20.00");
        assert_eq!(spend(&view(None)), "$5.41, no limit set");
    }
}
