//! Desktop notifications. Owns their wording's place (title, body, button, what a click does) and the thread that each one
//! waits on; a notification server may be slow or absent, and neither the engine nor the main thread ever waits for it.
//! Leaves the sentences themselves to `signalbox_core` (`error`, `episodes`), and when to notify to the engine.

use std::sync::Arc;
use std::time::Duration;

use notify_rust::{Notification, NotificationResponse, Timeout};
use signalbox_core::episodes::{Action, Announcement};
use signalbox_core::error::{NextStep, Problem};
use signalbox_core::profile::Alias;
use signalbox_core::time::Timestamp;
use signalbox_core::words;

/// A notification that nobody touches ends after this long, and its thread with it.
const LIFETIME: Duration = Duration::from_secs(12 * 3600);

/// The one button of a notification; which one it is, `Action` says.
const BUTTON: &str = "act";

/// Shows notifications. `act` is called, from some thread, with what the person who clicked one wants.
#[derive(Clone)]
pub struct Notifier {
    act: Arc<dyn Fn(Action) + Send + Sync>,
}

impl Notifier {
    pub fn new(act: impl Fn(Action) + Send + Sync + 'static) -> Self {
        Self { act: Arc::new(act) }
    }

    /// Says that a switch did not happen.
    pub fn switch_failed(&self, alias: &Alias, problem: &Problem, now: Timestamp) {
        let action = match &problem.next_step {
            NextStep::SignIn { alias } => Action::SignIn(alias.clone()),
            _ => Action::Show,
        };
        self.show(Announcement { title: title(alias), body: body(problem, now), action });
    }

    /// Tells of an episode.
    pub fn announce(&self, announcement: &Announcement) {
        self.show(announcement.clone());
    }

    fn show(&self, announcement: Announcement) {
        let act = Arc::clone(&self.act);
        let shown = std::thread::Builder::new().name("notification".to_owned()).spawn(move || {
            if let Err(error) = show_and_wait(&announcement, &*act) {
                tracing::warn!(%error, "the notification could not be shown");
            }
        });
        if let Err(error) = shown {
            tracing::warn!(%error, "no thread for a notification");
        }
    }
}

/// Says that the app could not start, and why. Nobody waits for a click: there is no app to open.
pub fn could_not_start(why: &str) {
    let shown = Notification::new().appname("Signalbox").summary("Signalbox could not start").body(why).show();
    if let Err(error) = shown {
        tracing::debug!(%error, "the notification could not be shown");
    }
}

fn title(alias: &Alias) -> String {
    format!("Could not switch to {alias}")
}

fn body(problem: &Problem, now: Timestamp) -> String {
    // The title has said what could not be done; what is left of the sentence is why.
    let why = problem.message.split_once(": ").map_or(problem.message.as_str(), |(_, why)| why);
    let next = match &problem.next_step {
        NextStep::SignIn { .. } => "\u{201c}Sign in\u{201d} leads you through it".to_owned(),
        // The hints for a terminal name commands; whoever clicks has a board.
        NextStep::AddProfile => "add it on the board first".to_owned(),
        NextStep::ListProfiles => "the board shows the profiles there are".to_owned(),
        other => words::hint(other, now),
    };
    // Backticks are for terminals.
    format!("{}.\n{}.", sentence(why), sentence(&next)).replace('`', "")
}

fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

fn button(action: &Action) -> &'static str {
    match action {
        Action::SignIn(_) => "Sign in",
        Action::Show => "Show",
        Action::Restore(_) => "Switch back",
    }
}

/// What a click beside the button does: a look never changes anything.
fn beside_the_button(action: &Action) -> Action {
    match action {
        Action::SignIn(alias) => Action::SignIn(alias.clone()),
        Action::Show | Action::Restore(_) => Action::Show,
    }
}

/// Blocks until the notification is clicked or closed. A `default` action makes the body itself clickable.
fn show_and_wait(announcement: &Announcement, act: &dyn Fn(Action)) -> Result<(), notify_rust::error::Error> {
    // The system asks the person once, and answers at once ever after.
    #[cfg(target_os = "macos")]
    if let Err(error) = notify_rust::request_auth_blocking() {
        tracing::info!(%error, "notifications are not allowed");
    }
    let action = &announcement.action;
    let shown = Notification::new()
        .appname("Signalbox")
        .summary(&announcement.title)
        .body(&announcement.body)
        .action("default", "Open")
        .action(BUTTON, button(action))
        .timeout(Timeout::Milliseconds(u32::try_from(LIFETIME.as_millis()).unwrap_or(u32::MAX)))
        .show()?;
    // The handle is the connection to the server, and some desktops withdraw the notifications of closed connections.
    shown.wait_for_response(|response: &NotificationResponse| match response {
        NotificationResponse::Default => act(beside_the_button(action)),
        NotificationResponse::Action(key) if key == BUTTON => act(action.clone()),
        NotificationResponse::Action(_) | NotificationResponse::Reply(_) | NotificationResponse::Closed(_) => {}
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use signalbox_core::error::Doing;
    use signalbox_core::flow::FlowError;
    use signalbox_core::identity::{Account, Identity};

    #[test]
    fn a_notification_names_the_board_where_a_terminal_would_name_a_command() {
        let account = Account {
            identity: Identity::new("acc", "org").expect("an identity"),
            email: "ada@example.org".to_owned(),
            plan: None,
            organization_name: None,
        };
        let problem = FlowError::Unregistered { account }.problem(&Doing::Use(Alias::parse("work").expect("an alias")));
        assert_eq!(
            body(&problem, Timestamp::from_ms(0)),
            "The live login belongs to ada@example.org, which is no profile yet.\nAdd it on the board first."
        );
    }

    #[test]
    fn a_notification_says_why_and_what_next_without_repeating_its_title() {
        let alias = Alias::parse("personal").expect("an alias");
        let error = FlowError::LoginNeeded { alias: alias.clone() };
        let body = body(&error.problem(&Doing::Use(alias)), Timestamp::from_ms(0));
        assert_eq!(
            body,
            "The login of personal has ended; it has to be signed in again.\n\
             \u{201c}Sign in\u{201d} leads you through it."
        );
    }

    #[test]
    fn only_the_button_itself_switches() {
        let alias = Alias::parse("work").expect("an alias");
        assert_eq!(beside_the_button(&Action::Restore(alias.clone())), Action::Show);
        assert_eq!(beside_the_button(&Action::SignIn(alias.clone())), Action::SignIn(alias.clone()));
        assert_eq!(button(&Action::Restore(alias)), "Switch back");
    }
}
