//! The pretended `claude auth login`: a folder for each attempt, whose child goes on when we die, and a person who signs in, at once or
//! when the test says so.

use crate::account_cache::AccountBlock;
use crate::document::Document;
use crate::ports::{Signin, SigninError, StoreError};
use crate::signin::{Ability, Progress, SigninId};

use super::stores::unreadable;
use super::{State, World};

/// A folder with a child in it.
#[derive(Default)]
pub(super) struct Attempt {
    text: Option<String>,
    account: String,
    ended: bool,
    /// The account that was to be preset.
    email: Option<String>,
}

/// The person signs in, and the child stores the login and ends.
fn sign_in(state: &mut State, id: &str, account: &str) {
    let now = state.now;
    let login = state.server.sign_in(account, &format!("org-{account}"), now);
    let attempt = state.signins.get_mut(id).expect("an attempt");
    attempt.text = Some(format!("{{\"claudeAiOauth\":{login}}}"));
    attempt.account = account.to_owned();
    attempt.ended = true;
}

impl World {
    /// From now on this account signs in as soon as somebody is asked to.
    pub fn signs_in(&self, account: Option<&str>) {
        self.lock().signs_in = account.map(str::to_owned);
    }

    /// A person signs in at the attempt that waits.
    pub fn person_signs_in(&self, account: &str) {
        let mut state = self.lock();
        let waiting = state.signins.iter().find(|(_, attempt)| !attempt.ended);
        let id = waiting.map(|(id, _)| id.clone()).expect("somebody waits for a sign-in");
        sign_in(&mut state, &id, account);
    }

    /// Whether somebody waits for a person who signs in.
    pub fn waits_for_a_sign_in(&self) -> bool {
        self.lock().signins.values().any(|attempt| !attempt.ended)
    }

    /// The child of the waiting attempt ends without a login.
    pub fn sign_in_fails(&self) {
        for attempt in self.lock().signins.values_mut() {
            attempt.ended = true;
        }
    }

    /// The installed Claude Code knows no `auth login`.
    pub fn claude_is_old(&self) {
        self.lock().claude_is_old = true;
    }

    /// The texts that lie in the folders of attempts.
    pub fn signin_texts(&self) -> Vec<String> {
        self.lock().signins.values().filter_map(|attempt| attempt.text.clone()).collect()
    }

    /// The e-mail that the newest attempt was to preset.
    pub fn signin_email(&self) -> Option<String> {
        self.lock().signins.values().next_back().and_then(|attempt| attempt.email.clone())
    }
}

impl Signin for World {
    fn ability(&self) -> Ability {
        match self.lock().claude_is_old {
            true => Ability::TooOld { version: "1.0.60".to_owned() },
            false => Ability::Isolated,
        }
    }

    fn start(&self, id: &SigninId, email: Option<&str>) -> Result<(), SigninError> {
        let failed = || SigninError::NotStarted { why: "a planned fault".to_owned() };
        self.step("signin.start", failed, |state, torn| {
            let attempt = Attempt { email: email.map(str::to_owned), ..Attempt::default() };
            state.signins.insert(id.to_string(), attempt);
            // A torn start is one whose folder was made, and no child.
            if torn {
                state.signins.get_mut(&id.to_string()).expect("just made").ended = true;
            } else if let Some(account) = state.signs_in.clone() {
                sign_in(state, &id.to_string(), &account);
            }
            Ok(())
        })
    }

    fn answer(&self, id: &SigninId, code: &str) -> Result<(), SigninError> {
        let failed = || SigninError::NotStarted { why: "a planned fault".to_owned() };
        self.step("signin.answer", failed, |state, _| {
            let waits = state.signins.get(&id.to_string()).is_some_and(|attempt| !attempt.ended);
            if !waits {
                return Err(SigninError::NotAsking);
            }
            sign_in(state, &id.to_string(), code);
            Ok(())
        })
    }

    fn attempts(&self) -> Result<Vec<SigninId>, StoreError> {
        self.step("signin.attempts", unreadable, |state, _| {
            Ok(state.signins.keys().map(|id| SigninId::from_hex(id).expect("an id")).collect())
        })
    }

    fn look(&self, id: &SigninId) -> Result<Progress, StoreError> {
        self.step("signin.look", unreadable, |state, _| {
            Ok(match state.signins.get(&id.to_string()) {
                Some(attempt) if !attempt.ended => Progress::Waiting { page: format!("https://example.org/{id}") },
                Some(attempt) if attempt.text.is_none() => {
                    Progress::Ended { said: Some("No authorization code received".to_owned()) }
                }
                _ => Progress::Ended { said: None },
            })
        })
    }

    fn stored(&self, id: &SigninId) -> Result<Option<Document>, StoreError> {
        self.step("signin.stored", unreadable, |state, _| {
            let text = state.signins.get(&id.to_string()).and_then(|attempt| attempt.text.clone());
            Ok(text.map(|text| Document::from_text(text).expect("an object")))
        })
    }

    fn block(&self, id: &SigninId) -> Option<AccountBlock> {
        let state = self.lock();
        let account = &state.signins.get(&id.to_string()).filter(|attempt| attempt.text.is_some())?.account;
        let text = format!(
            r#"{{"oauthAccount":{{"accountUuid":"{account}","organizationUuid":"org-{account}","emailAddress":"{account}@example.org","profileFetchedAt":6}}}}"#
        );
        AccountBlock::of(&Document::from_text(text).expect("an object"))
    }

    fn discard(&self, id: &SigninId) -> Result<(), StoreError> {
        self.step("signin.discard", unreadable, |state, _| {
            state.signins.remove(&id.to_string());
            Ok(())
        })
    }
}
