//! A Claude Code process as a machine of small steps, each of which happens in one moment. Owns what 2.1.330 was seen
//! to do (`docs/observed.md` §2 to §7) and what a careless older one is said to do (`docs/claude-code.md` §E3). A
//! process writes its store under `.storage-write.lock`, so each read-and-write of it is one step here.

use signalbox_core::ports::{Provider as _, ProviderError};

use super::books::{Pair, Window};
use super::claude_store::Cached;
use super::stage::{Stage, Writer};
use super::story::{ACCOUNTS, Act, Version};

/// How often a process tries to get the refresh lock before it gives up (`docs/observed.md` §3).
const TRIES: u8 = 5;
/// More small steps than any task takes.
const STEPS: usize = 16;

pub struct Session {
    version: Version,
    cached: Option<Cached>,
    phase: Phase,
    /// Whose profile an answer names that has not been written yet.
    answer: Option<String>,
}

/// What a process is in the middle of.
enum Phase {
    Idle,
    /// It needs the refresh lock. `refused`: because of a 401, not because the token lapses.
    Wants {
        refused: bool,
        tries: u8,
    },
    /// It has the lock, and has not read its store again yet.
    Locked {
        refused: bool,
    },
    /// It is about to send this login's refresh token.
    Ready {
        used: Cached,
    },
    /// The server has answered, and nothing is written yet.
    Answered {
        used: String,
        new: Cached,
    },
    /// It still has the lock.
    Done,
    /// It is about to write this account, or none, into `oauthAccount`.
    Shows(Option<String>),
    /// The server has ended the login, and its file still stands.
    SignedOut,
}

impl Session {
    pub fn new(version: Version) -> Self {
        Self { version, cached: None, phase: Phase::Idle, answer: None }
    }

    /// The pair that only this process has.
    fn in_memory(&self) -> Option<Pair> {
        match &self.phase {
            Phase::Answered { new, .. } => Some(new.pair()),
            _ => None,
        }
    }
}

impl Stage {
    /// A process acts.
    pub fn acts(&mut self, who: usize, act: Act) {
        let idle = matches!(self.sessions[who].phase, Phase::Idle);
        match act {
            Act::Next => self.next(who),
            Act::Work => self.works(who),
            Act::Fetch => self.fetches(who),
            Act::AnswerLost => self.loses_answer(who),
            Act::Kill => self.ends(who, false),
            Act::Quit => self.ends(who, true),
            Act::Mcp => self.changes_sibling(),
            Act::Rewrite => self.rewrites(),
            Act::AskProfile => self.asks_profile(who),
            Act::AnswerProfile => {
                if let Some(account) = self.sessions[who].answer.take() {
                    self.shows(Some(&account));
                }
            }
            Act::SignIn(account) if idle && self.is_up() => {
                let account = ACCOUNTS[account % ACCOUNTS.len()];
                self.signs_in(account);
                self.sessions[who].cached = None;
                self.sessions[who].phase = Phase::Shows(Some(account.to_owned()));
            }
            Act::SignOut if idle => self.signs_out(who),
            Act::SignIn(_) | Act::SignOut => {}
        }
    }

    /// Whatever a process is in the middle of comes to its end; an idle one sends one prompt.
    pub fn works(&mut self, who: usize) {
        for _ in 0..STEPS {
            self.next(who);
            if matches!(self.sessions[who].phase, Phase::Idle) {
                return;
            }
        }
    }

    /// The same, but only until the server's answer is in its memory.
    fn fetches(&mut self, who: usize) {
        for _ in 0..STEPS {
            if matches!(self.sessions[who].phase, Phase::Answered { .. }) {
                return;
            }
            self.next(who);
            if self.is_idle(who) {
                return;
            }
        }
    }

    pub fn is_idle(&self, who: usize) -> bool {
        matches!(self.sessions[who].phase, Phase::Idle)
    }

    fn is_up(&self) -> bool {
        self.world.server(|server| server.down.is_none())
    }

    fn next(&mut self, who: usize) {
        let phase = std::mem::replace(&mut self.sessions[who].phase, Phase::Idle);
        self.sessions[who].phase = match phase {
            Phase::Idle => self.prompts(who),
            Phase::Wants { tries: TRIES.., .. } => Phase::Idle,
            Phase::Wants { refused, tries } => match self.world.claude_locks() {
                true => {
                    self.holder = Some(who);
                    Phase::Locked { refused }
                }
                false => Phase::Wants { refused, tries: tries + 1 },
            },
            Phase::Locked { refused } => self.looks_again(who, refused),
            Phase::Ready { used } => self.sends(who, used),
            Phase::Answered { used, new } => self.saves(who, &used, new),
            Phase::Done => {
                self.unlocks(who);
                Phase::Idle
            }
            Phase::Shows(account) => {
                self.shows(account.as_deref());
                Phase::Idle
            }
            Phase::SignedOut => {
                self.unlinks();
                Phase::Shows(None)
            }
        };
    }

    /// A request with the token in memory, or the one in the store where that changed.
    fn prompts(&mut self, who: usize) -> Phase {
        let now = self.now().ms();
        let stamp = self.stamp();
        let session = &self.sessions[who];
        let careless = session.version.is_careless();
        let moved = |cached: &Cached| cached.stamp != stamp || cached.lapses(now);
        let reread = session.cached.as_ref().is_none_or(|cached| !careless && moved(cached));
        if reread {
            self.sessions[who].cached = self.stored();
        }
        // Without a login it says so, and that is all.
        let Some(cached) = self.sessions[who].cached.clone() else { return Phase::Idle };
        let refused = !cached.lapses(now);
        if refused && self.world.usage(&cached.access()) != Err(ProviderError::Unauthorized) {
            return Phase::Idle;
        }
        if careless { Phase::Ready { used: cached } } else { Phase::Wants { refused, tries: 0 } }
    }

    /// Under the lock the store is read again: another process may have been faster.
    fn looks_again(&mut self, who: usize, refused: bool) -> Phase {
        let now = self.now().ms();
        let before = self.sessions[who].cached.take().map(|cached| cached.pair());
        let Some(stored) = self.stored() else { return Phase::Done };
        let due = stored.lapses(now) || (refused && before == Some(stored.pair()));
        self.sessions[who].cached = Some(stored.clone());
        if due { Phase::Ready { used: stored } } else { Phase::Done }
    }

    /// The refresh token goes out.
    fn sends(&mut self, who: usize, mut sent: Cached) -> Phase {
        let after = self.after_refresh(who);
        if !self.is_up() {
            return after;
        }
        let (used, now) = (sent.refresh(), self.now());
        let Some((access, refresh, expires_at)) = self.world.server(|server| server.rotate(&used, now)) else {
            self.is_refused(who, &used);
            return after;
        };
        self.note(|| format!("    session {who} bought {refresh}"));
        sent.login["accessToken"] = access.into();
        sent.login["refreshToken"] = refresh.into();
        sent.login["expiresAt"] = expires_at.ms().into();
        let version = self.sessions[who].version;
        let Pair { login, turn } = sent.pair();
        // Whoever renews what a careless one bought goes on where it led.
        let led = self.careless.contains(&Pair { login, turn: turn.saturating_sub(1) });
        if version.is_careless() || led {
            self.careless.insert(Pair { login, turn });
        }
        if let (Version::Oldest, Some(login)) = (version, sent.login.as_object_mut()) {
            login.shift_remove("refreshTokenExpiresAt");
        }
        Phase::Answered { used, new: sent }
    }

    /// The server takes the token and its answer is lost; the process will send the spent one again (`docs/observed.md`
    /// §3).
    fn loses_answer(&mut self, who: usize) {
        let Phase::Ready { used } = &self.sessions[who].phase else { return };
        let (used, login, now) = (used.refresh(), used.pair().login, self.now());
        if self.is_up() && self.world.server(|server| server.rotate(&used, now)).is_some() {
            let newest = self.known()[login].newest;
            self.loses(newest, Window::ClaudeAnswerLost);
        }
    }

    /// `invalid_grant`: the login is emptied, if it still is the one that was sent (`docs/observed.md` §5).
    fn is_refused(&mut self, who: usize, used: &str) {
        self.sessions[who].cached = None;
        let Some(mut stored) = self.stored().filter(|stored| stored.refresh() == used) else { return };
        stored.login["accessToken"] = "".into();
        stored.login["refreshToken"] = "".into();
        stored.login["expiresAt"] = 0.into();
        self.writes(&stored.login);
    }

    /// The new pair is written: by 2.1.330 only over the login that was sent, by a careless one over anything.
    fn saves(&mut self, who: usize, used: &str, new: Cached) -> Phase {
        let pair = new.pair();
        let unchanged = self.stored().is_some_and(|stored| stored.refresh() == used);
        if unchanged || self.sessions[who].version.is_careless() {
            self.live_is_replaced(Some(pair));
            self.writes(&new.login);
            let stamp = self.stamp();
            self.sessions[who].cached = Some(Cached { stamp, ..new });
        } else {
            self.sessions[who].cached = None;
            if self.written_by == Writer::Us && self.lives(pair) && !self.is_at_hand(pair) {
                self.breaks(format!("a swap under Claude Code's own refresh cost {pair:?}"));
            }
            self.loses(pair, Window::ClaudeDiscarded);
        }
        self.after_refresh(who)
    }

    fn after_refresh(&self, who: usize) -> Phase {
        if self.sessions[who].version.is_careless() { Phase::Idle } else { Phase::Done }
    }

    fn unlocks(&mut self, who: usize) {
        if self.holder == Some(who) {
            self.holder = None;
            self.world.claude_unlocks();
        }
    }

    /// The process ends, and another of its kind takes its place.
    fn ends(&mut self, who: usize, gently: bool) {
        if gently {
            self.unlocks(who);
        }
        if self.holder == Some(who) {
            self.holder = None;
        }
        let fresh = Session::new(self.sessions[who].version);
        let ended = std::mem::replace(&mut self.sessions[who], fresh);
        if let Some(pair) = ended.in_memory() {
            self.loses(pair, Window::ClaudeDied);
        }
    }

    /// Someone signs in over whatever is live. Nothing is revoked (`docs/observed.md` §7).
    pub fn signs_in(&mut self, account: &str) {
        let now = self.now();
        let text = self.world.server(|server| server.sign_in(account, &format!("org-{account}"), now));
        self.live_is_replaced(None);
        self.writes(&serde_json::from_str(&text).expect("a login"));
    }

    fn signs_out(&mut self, who: usize) {
        let stored = self.stored();
        if let Some(stored) = stored.filter(|_| self.is_up()) {
            self.world.server(|server| server.sign_out(&stored.refresh()));
        }
        self.sessions[who].cached = None;
        self.sessions[who].phase = Phase::SignedOut;
    }

    /// The whole file goes, siblings and all (`docs/observed.md` §7).
    fn unlinks(&mut self) {
        self.live_is_replaced(None);
        self.siblings.iter_mut().for_each(|(_, raw)| *raw = None);
        self.puts(None);
    }

    /// Claude Code is about to put `next` in the place of the live login. What nobody has saved is gone then.
    fn live_is_replaced(&mut self, next: Option<Pair>) {
        let rotated = |live: &Pair| next.is_some_and(|next| next.login == live.login);
        let Some(live) = self.live_pair().filter(|live| !rotated(live)) else { return };
        if self.lives(live) && !self.is_kept(live) {
            let account = self.account_of(live.login);
            let is_a_profile = self.roster().iter().any(|profile| profile.identity().account() == account);
            let window = if is_a_profile { Window::ClaudeReplaced } else { Window::Stranger };
            self.note(|| format!("    replaced: {live:?}, {window:?}"));
            self.lost.insert(live, window);
        }
    }

    fn rewrites(&mut self) {
        let Some(mut stored) = self.stored() else { return };
        self.written += 1;
        stored.login["subscriptionTypeSource"] = format!("sign_in_{}", self.written).into();
        self.writes(&stored.login);
    }

    fn asks_profile(&mut self, who: usize) {
        let Some(cached) = self.sessions[who].cached.clone().or_else(|| self.stored()) else { return };
        if let Ok(account) = self.world.identify(&cached.access()) {
            self.sessions[who].answer = Some(account.identity.account().to_owned());
        }
    }
}
