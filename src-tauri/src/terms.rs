//! The first run: whether the person still has to agree to the terms, the record that they did, and the pages they can read
//! first. Leaves what waits for them to the warden (`Habits::waits`), the record itself to the `Preferences` port, and the words
//! to the page and `docs/terms.md`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signalbox_core::error::{Code, Doing, NextStep, Problem};
use signalbox_core::flow::FlowError;
use signalbox_core::ports::{Ports, StoreError};
use signalbox_warden::{EngineHandle, Event};
use tauri::{AppHandle, Manager, Runtime};

/// The only pages that the app opens: those that the terms name. An address that the page made up leads nowhere.
const PAGES: [&str; 5] = [
    "https://code.claude.com/docs/en/legal-and-compliance",
    "https://code.claude.com/docs/en/env-vars",
    "https://www.anthropic.com/legal/consumer-terms",
    "https://www.anthropic.com/legal/aup",
    "https://github.com/signalbox-app/signalbox/blob/main/docs/terms.md",
];

/// Whether the person still has to agree, for as long as this program runs.
pub struct FirstRun(AtomicBool);

impl FirstRun {
    pub fn new(due: bool) -> Self {
        Self(AtomicBool::new(due))
    }
}

/// Whether the person still has to agree.
pub fn are_due<R: Runtime>(app: &AppHandle<R>) -> bool {
    app.try_state::<FirstRun>().is_some_and(|first| first.0.load(Ordering::SeqCst))
}

/// The person agreed: writes that down, and lets the engine begin.
pub async fn accept<R: Runtime>(app: AppHandle<R>, ports: Arc<Ports>) -> Result<(), Problem> {
    let write = move || {
        let preferences = &ports.preferences;
        preferences.set_terms(preferences.terms().accepted_now(ports.clock.as_ref()))
    };
    match tauri::async_runtime::spawn_blocking(write).await {
        Ok(Ok(())) => {
            tracing::info!(version = signalbox_core::terms::VERSION, "the person agreed to the terms");
            if let Some(first) = app.try_state::<FirstRun>() {
                first.0.store(false, Ordering::SeqCst);
            }
            app.state::<EngineHandle>().send(Event::Agreed);
            Ok(())
        }
        Ok(Err(error)) => Err(not_written(error)),
        Err(_) => Err(Problem {
            code: Code::Internal,
            message: "Cannot write down that you agreed: Signalbox itself failed".to_owned(),
            next_step: NextStep::ReportBug,
            about: None,
        }),
    }
}

fn not_written(error: StoreError) -> Problem {
    let message = format!("Cannot write down that you agreed: {error}");
    Problem { message, ..FlowError::from(error).problem(&Doing::SetView) }
}

/// Opens a page in the person's own browser.
pub fn open_page(address: &str) -> Result<(), Problem> {
    let refused = |code, why: String, next_step| {
        Err(Problem { code, message: format!("Cannot open that page: {why}"), next_step, about: None })
    };
    let Some(page) = PAGES.into_iter().find(|page| *page == address) else {
        return refused(Code::Usage, "it is none of those that the terms name".to_owned(), NextStep::ReportBug);
    };
    match open::that_detached(page) {
        Ok(()) => Ok(()),
        Err(error) => refused(Code::Store, format!("{error}. Its address is {page}"), NextStep::Retry),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = include_str!("../../docs/terms.md");
    const WORDS: &str = include_str!("../../ui/src/terms/words.ts");

    #[test]
    fn every_page_that_the_terms_name_can_be_opened_and_no_other() {
        let named = |text: &'static str, before: &'static str, after: char| {
            text.split(before).skip(1).filter_map(move |rest| rest.split(after).next()).collect::<Vec<_>>()
        };
        let mut named: Vec<_> = [named(TEXT, "](", ')'), named(WORDS, ": \"https:", '"')].concat();
        for name in &mut named {
            *name = name.trim_start_matches("https:");
        }
        named.sort_unstable();
        named.dedup();
        let mut open = PAGES.map(|page| page.trim_start_matches("https:"));
        open.sort_unstable();
        assert_eq!(named, open);
        for address in ["https://evil.example", "file:///etc/passwd", "https://www.anthropic.com/legal/aup?x", ""] {
            let problem = open_page(address).expect_err(address);
            assert_eq!(problem.message, "Cannot open that page: it is none of those that the terms name");
        }
    }

    #[test]
    fn the_text_says_which_version_it_is() {
        let line = format!("Version {}, of ", signalbox_core::terms::VERSION);
        assert_eq!(TEXT.lines().filter(|text| text.starts_with("Version ")).count(), 1);
        assert!(TEXT.lines().any(|text| text.starts_with(&line)), "docs/terms.md has no line `{line}…`");
    }
}
