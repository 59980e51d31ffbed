//! What a test says and asks about browsers without HTTP: the part of the [`Sim`] handle that belongs to sign-in.

use super::{Authorization, AutoConsent, BrowserSession, SessionReport};
use crate::sim::Sim;
use crate::state::UnknownIdentity;

impl Sim {
    /// Answers authorize pages at once from now on; `None`: people are asked again.
    ///
    /// # Errors
    /// [`UnknownIdentity`] when it names an account or an organisation that is not there.
    pub fn auto_consent(&self, auto: Option<AutoConsent>) -> Result<(), UnknownIdentity> {
        self.with(|s| {
            if let Some(AutoConsent { account: Some(account), organization, .. }) = &auto {
                s.seat(account, organization.as_deref())?;
            }
            s.browsers.auto = auto;
            Ok(())
        })
    }

    /// Signs a browser in without a page. With `organization` (uuid or name) that one is chosen; without, a person who
    /// has several is asked.
    ///
    /// # Errors
    /// [`UnknownIdentity`] when there is no such account or organisation.
    pub fn browser_session(
        &self,
        account: &str,
        organization: Option<&str>,
    ) -> Result<BrowserSession, UnknownIdentity> {
        self.with(|s| s.browser_session(account, organization))
    }

    /// Every browser session without its cookie, oldest first.
    #[must_use]
    pub fn browser_sessions(&self) -> Vec<SessionReport> {
        self.with(|s| s.browsers.sessions.reports(s.now_ms()))
    }

    /// Ends one browser session by its number, or every one. `false`: there is none with this number.
    pub fn end_browser_session(&self, number: Option<u32>) -> bool {
        self.with(|s| match number {
            Some(number) => s.browsers.sessions.end(number),
            None => {
                s.browsers.sessions.end_all();
                true
            }
        })
    }

    /// Every answer that was given on a consent page, or in its stead, oldest first.
    #[must_use]
    pub fn authorizations(&self) -> Vec<Authorization> {
        self.with(|s| s.browsers.codes.answers().to_vec())
    }
}
