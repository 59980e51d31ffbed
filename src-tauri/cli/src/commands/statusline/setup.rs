//! `signalbox statusline --install`, `--uninstall` and `--check`. Owns asking a person and the words; what is changed
//! in Claude Code's settings, and what is given back, is `signalbox_machine::statusline::setup`'s.

use clap::ValueEnum as _;
use serde_json::json;
use signalbox_core::error::{Code, Doing, NextStep};
use signalbox_core::flow::FlowError;
use signalbox_core::ports::StoreError;
use signalbox_machine::settings::Settings;
use signalbox_machine::statusline::command::StatuslineCommand;
use signalbox_machine::statusline::setup::{Outcome, Present, UserSettings};

use super::line::Format;
use crate::args::StatuslineOptions;
use crate::commands::watch::is_passing;
use crate::context::{Context, Report};
use crate::exit::Failure;
use crate::json;

pub fn run(context: &Context, options: &StatuslineOptions) -> Result<Report, Failure> {
    let settings = UserSettings::read(&context.surroundings).map_err(|error| cannot(&error))?;
    if options.uninstall {
        return uninstall(context, &settings, options.yes);
    }
    check_format(context, options)?;
    if options.check { Ok(check(context, &settings)) } else { install(context, &settings, options) }
}

fn install(context: &Context, settings: &UserSettings, options: &StatuslineOptions) -> Result<Report, Failure> {
    let binary = std::env::current_exe().ok();
    let program = binary.as_deref().and_then(|path| path.to_str()).ok_or_else(unnamed)?.to_owned();
    let before = match settings.present() {
        Present::Nothing => StatuslineCommand::default(),
        Present::Ours(command) => command,
        Present::Foreign { command } => StatuslineCommand { wrap: command, ..StatuslineCommand::default() },
    };
    let place = options.place.and_then(|place| Some(place.to_possible_value()?.get_name().to_owned()));
    let command = StatuslineCommand {
        program,
        wrap: options.wrap.clone().or(before.wrap),
        format: options.format.clone().or(before.format),
        place: place.or(before.place),
    };
    let text = command.text().map_err(|error| refused(&error.to_string(), "leave that character out"))?;
    if StatuslineCommand::parse(&text).as_ref() != Some(&command) {
        let hint = "give its file that name, so that `--uninstall` knows it again";
        return Err(refused("this program is not named `signalbox`", hint));
    }
    let path = settings.path.display();
    if settings.present() != Present::Ours(command.clone()) {
        let wraps = command.wrap.as_deref().map(|theirs| format!(" What `{theirs}` prints stays beside it."));
        let what = format!("This makes `{text}` the statusline in {path}.{}", wraps.unwrap_or_default());
        agreed(context, options.yes, &what, "Go on?")?;
    }
    let outcome = settings.install(&text).map_err(|error| cannot(&error))?;
    if outcome.changed {
        context.say(&format!("Installed in {path}: Claude Code shows the line from its next message on\n"));
        if let Some(theirs) = &command.wrap {
            context.say(&format!("What `{}` prints is shown beside it\n", crate::render::printable(theirs)));
        }
    } else {
        context.say(&format!("Was installed in {path} already\n"));
    }
    tell_backup(context, &outcome);
    if binary.as_deref().is_some_and(is_passing) {
        let note = format!(
            "{} looks like a place that is emptied some day; install it again from where it stays",
            command.program
        );
        context.note(&note);
    }
    Ok(report(settings, &outcome, command.wrap.as_deref(), Some(&text)))
}

fn uninstall(context: &Context, settings: &UserSettings, yes: bool) -> Result<Report, Failure> {
    let path = settings.path.display();
    let present = settings.present();
    if let Present::Ours(ours) = &present {
        let beside = ours.wrap.as_ref().map(|theirs| format!(" Beside it stands what `{theirs}` prints."));
        let what = format!(
            "After this {path} has the statusline again that stood there before ours, if there was one.{}",
            beside.unwrap_or_default()
        );
        agreed(context, yes, &what, "Go on?")?;
    }
    let outcome = settings.uninstall().map_err(|error| cannot(&error))?;
    match (&present, outcome.changed) {
        (_, true) => context.say(&format!("Took it out of {path}\n")),
        (Present::Foreign { .. }, _) => {
            context.say(&format!("The statusline in {path} is not ours: nothing was changed\n"))
        }
        _ => context.say(&format!("There is no statusline in {path}\n")),
    }
    tell_backup(context, &outcome);
    Ok(report(settings, &outcome, None, None))
}

fn check(context: &Context, settings: &UserSettings) -> Report {
    let path = settings.path.display();
    let (shown, wraps) = match settings.present() {
        Present::Nothing => {
            (format!("{path} names no statusline: `signalbox statusline --install` brings it in"), None)
        }
        Present::Foreign { .. } => {
            (format!("{path} names another statusline: `signalbox statusline --install` wraps it"), None)
        }
        Present::Ours(StatuslineCommand { wrap: Some(theirs), .. }) => {
            (format!("Installed in {path}, beside what `{theirs}` prints"), Some(theirs))
        }
        Present::Ours(_) => (format!("Installed in {path}"), None),
    };
    context.say(&format!("{}\n", crate::render::printable(&shown)));
    let unchanged = Outcome { changed: false, backup: None };
    report(settings, &unchanged, wraps.as_deref(), None)
}

fn report(settings: &UserSettings, outcome: &Outcome, wraps: Option<&str>, command: Option<&str>) -> Report {
    Report::of(json::members(json!({
        "file": settings.path.display().to_string(),
        "installed": command.is_some() || (!outcome.changed && matches!(settings.present(), Present::Ours(_))),
        "changed": outcome.changed,
        "backup": outcome.backup.as_ref().map(|backup| backup.display().to_string()),
        "command": command,
        "wraps": wraps,
    })))
}

fn tell_backup(context: &Context, outcome: &Outcome) {
    if let Some(backup) = &outcome.backup {
        context.say(&format!("The settings as they were: {}\n", backup.display()));
    }
}

/// The format that would be used, option or setting, has to hold nothing that looks like a placeholder and is none.
fn check_format(context: &Context, options: &StatuslineOptions) -> Result<(), Failure> {
    let (of, format) = match &options.format {
        Some(format) => ("`--format`", Some(format.clone())),
        None => ("`statusline.format` in settings.toml", saved_format(context)),
    };
    let parsed = Format::parse(format.as_deref());
    let Some(unknown) = parsed.unknown().first() else { return Ok(()) };
    let why = format!("{of} holds {unknown}, which is no placeholder");
    Err(Failure::new(Code::Usage, format!("Cannot use this format: {why}"), NextStep::Retry)
        .with_hint(format!("there are {}", Format::known())))
}

fn saved_format(context: &Context) -> Option<String> {
    Settings::load(&context.surroundings).ok()?.statusline.format
}

fn agreed(context: &Context, yes: bool, what: &str, question: &str) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    let no = |why: &str| {
        let message = format!("Cannot change Claude Code's settings: {why}");
        Failure::new(Code::Confirmation, message, NextStep::Confirm).with_hint("`--yes` goes on without asking")
    };
    if !context.can_ask() {
        return Err(no("nobody is here to say yes"));
    }
    if context.ask(&format!("{what} {question}")) { Ok(()) } else { Err(no("you said no; nothing was changed")) }
}

fn cannot(error: &StoreError) -> Failure {
    let step = FlowError::Store(error.clone()).problem(&Doing::Show).next_step;
    let failure = Failure::new(Code::Store, format!("Cannot change Claude Code's settings: {error}"), step);
    match error {
        StoreError::Malformed { path, .. } => failure.with_hint(format!("correct {}, then try again", path.display())),
        StoreError::Unwritable { .. } => failure.with_hint("make it writable, or add the `statusLine` member by hand"),
        _ => failure,
    }
}

fn unnamed() -> Failure {
    refused("this program's own path cannot be written into JSON", "move it to a folder with a plainer name")
}

fn refused(why: &str, hint: &str) -> Failure {
    let message = format!("Cannot change Claude Code's settings: {why}");
    Failure::new(Code::Usage, message, NextStep::Retry).with_hint(hint)
}
