//! The guided sign-in as the engine sees it: what a person can do about it, and what each turn means for the engine's state. Owns the
//! hold on a live login that is set aside (whoever dies while holding it has it taken back), and giving a sign-in up whose time is
//! over. Leaves the steps to `signalbox_core::rotate`, opening a page to the app, and asking the person to its window.

use signalbox_core::error::{Doing, Problem};
use signalbox_core::flow::FlowError;
use signalbox_core::ports::{Ports, RotationLock};
use signalbox_core::profile::Alias;
use signalbox_core::rotate::{self, Begun, Finished, Found, Keep, Rotation, Step, Way};
use signalbox_core::time::Timestamp;
use tokio::sync::oneshot;

use super::Engine;
use super::duties::Look;
use super::job::{self, AskedBy, Failure, Job};

/// What a person does about a sign-in. Shows nothing of itself: a code is good for a login.
pub enum Turn {
    /// Begin one for this profile, or for a new one of that name. `way`: where it is absent, what the installed Claude Code is able to.
    Begin { alias: Alias, way: Option<Way> },
    /// Ask the server whose login it brought.
    Check,
    /// Keep that login, and end.
    Keep(Keep),
    /// Sign in once more.
    Again,
    /// Hand over the code that the page showed.
    Answer { code: String },
    /// Give it up: everything is what it was before.
    Cancel,
}

/// What a turn brought.
#[derive(Debug)]
pub enum Taken {
    /// It is under way, or over.
    Plain,
    Found(Found),
    Kept(Box<Finished>),
}

/// How a turn is answered.
pub type TurnReply = oneshot::Sender<Result<Taken, Problem>>;

/// What the flow of a turn gave back.
pub enum Brought {
    Begun(Box<Begun>),
    Found(Found),
    Kept(Box<Finished>),
    Again,
    Answered,
    Cancelled,
}

/// The sign-in that is under way, as far as the engine knows.
#[derive(Default)]
pub(super) struct Guide {
    /// Held while the live login is set aside.
    guard: Option<RotationLock>,
    /// The live login is set aside, or was at the last look: that Claude Code is signed out is nothing to tell anybody.
    set_aside: bool,
    /// Since when a look is under way.
    looking: Option<Timestamp>,
    giving_up: bool,
}

impl Turn {
    /// `under_way`: whose sign-in it is about, where it does not say so itself.
    pub(super) fn doing(&self, under_way: Option<&Alias>) -> Doing {
        match (self, under_way) {
            (Self::Begin { alias, .. }, _) => Doing::SignIn(alias.clone()),
            (Self::Cancel, _) => Doing::CancelSignIn,
            (Self::Check | Self::Keep(_) | Self::Again | Self::Answer { .. }, Some(alias)) => {
                Doing::SignIn(alias.clone())
            }
            (Self::Check | Self::Keep(_) | Self::Again | Self::Answer { .. }, None) => Doing::Recover,
        }
    }

    /// Runs the flow that it stands for.
    pub(super) fn take(&self, ports: &Ports) -> Result<Brought, FlowError> {
        Ok(match self {
            Self::Begin { alias, way } => Brought::Begun(Box::new(rotate::begin(ports, alias, *way)?)),
            Self::Check => {
                // Whoever wants to know whose it is decides about it, too.
                rotate::adopt(ports)?;
                Brought::Found(rotate::check(ports)?)
            }
            Self::Keep(keep) => Brought::Kept(Box::new(rotate::finish(ports, keep)?)),
            Self::Again => rotate::again(ports).map(|_| Brought::Again)?,
            Self::Answer { code } => rotate::answer(ports, code).map(|()| Brought::Answered)?,
            Self::Cancel => rotate::cancel(ports).map(|_| Brought::Cancelled)?,
        })
    }
}

impl Engine {
    pub(super) fn begin_turn(&mut self, turn: Turn, reply: TurnReply) {
        let doing = turn.doing(self.activity.signing_in.as_ref());
        if self.waits {
            // A window that was closed meanwhile does not want it any more.
            let _ = reply.send(Err(job::not_agreed(&doing)));
        } else {
            self.give(Job::Turn { turn, doing, reply: Some(reply) });
        }
    }

    pub(super) fn turned(&mut self, doing: &Doing, reply: Option<TurnReply>, result: Result<Brought, Failure>) {
        let by_itself = reply.is_none();
        let answer = match result {
            Ok(brought) => Ok(self.took(brought)),
            Err(failure) => {
                job::log(&doing.words(), &failure);
                Err(failure.problem(doing))
            }
        };
        if by_itself {
            self.guide.giving_up = false;
        }
        self.look_at_the_sign_in();
        self.publish();
        if let Some(reply) = reply {
            let _ = reply.send(answer);
        }
    }

    fn took(&mut self, brought: Brought) -> Taken {
        match brought {
            Brought::Begun(begun) => {
                let Begun { rotation, guard } = *begun;
                tracing::info!(to = %rotation.alias, way = ?rotation.way, "a sign-in began");
                self.activity.signing_in = Some(rotation.alias);
                self.guide.set_aside |= guard.is_some();
                self.guide.guard = guard;
                self.look(Look::Anyway);
                Taken::Plain
            }
            Brought::Found(found) => Taken::Found(found),
            Brought::Kept(finished) => {
                tracing::info!(alias = %finished.alias, is_live = finished.is_live, "signed in");
                self.sign_in_over();
                if finished.is_live {
                    self.made_live(&finished.alias);
                } else {
                    self.ask(vec![finished.alias.clone()], AskedBy::Engine);
                }
                self.look(Look::Anyway);
                Taken::Kept(finished)
            }
            Brought::Cancelled => {
                self.sign_in_over();
                self.look(Look::Anyway);
                Taken::Plain
            }
            Brought::Again | Brought::Answered => Taken::Plain,
        }
    }

    fn sign_in_over(&mut self) {
        self.activity.signing_in = None;
        self.guide.guard = None;
    }

    /// Whether a person signs in while the live login is set aside, or has just ended that.
    pub(super) fn is_set_aside(&self) -> bool {
        self.guide.set_aside
    }

    /// The live login was looked at, after every turn that came before.
    pub(super) fn live_seen(&mut self) {
        self.guide.set_aside &= self.guide.guard.is_some() || self.activity.signing_in.is_some();
    }

    /// Looks how far a sign-in is, whoever began it. One look at a time.
    pub(super) fn look_at_the_sign_in(&mut self) {
        if self.guide.looking.is_none() && !self.is_idle() {
            self.guide.looking = Some(self.ports.clock.now());
            self.give(Job::LookAtTheSignIn);
        }
    }

    pub(super) fn sign_in_seen(&mut self, result: Result<Option<Rotation>, Failure>) {
        let asked_at = self.guide.looking.take();
        let rotation = match result {
            Ok(rotation) => rotation,
            Err(failure) => {
                job::log("see how far the sign-in is", &failure);
                return;
            }
        };
        self.bootstraps.signing_in = rotation.as_ref().is_some_and(|rotation| rotation.unasked);
        self.guide.set_aside |= rotation.as_ref().is_some_and(|rotation| rotation.way == Way::Classic);
        let alias = rotation.as_ref().map(|rotation| rotation.alias.clone());
        if alias.is_none() {
            // Another program has ended it.
            self.guide.guard = None;
        }
        if self.activity.signing_in != alias {
            self.activity.signing_in = alias;
            self.publish();
        }
        let is_over =
            rotation.zip(asked_at).is_some_and(|(rotation, asked_at)| self.is_out_of_time(&rotation, asked_at));
        if is_over && !self.guide.giving_up {
            tracing::info!("the time for the sign-in is over");
            self.guide.giving_up = true;
            self.give_the_sign_in_up();
        }
    }

    /// A login that is there waits for its yes without a limit of ours. A guest leaves it to whoever keeps the watch, unless the
    /// sign-in is its own. `asked_at`: before the look was taken, or a login that came after it would be given up.
    fn is_out_of_time(&self, rotation: &Rotation, asked_at: Timestamp) -> bool {
        let mine = self.watching || self.guide.guard.is_some();
        mine && rotation.step != Step::SignedIn && asked_at >= rotation.until
    }

    /// The program ends. A live login that is set aside is put back before: nobody else would do it before the next start.
    pub(super) fn put_the_live_login_back(&mut self) {
        if self.guide.guard.is_some() {
            self.give_the_sign_in_up();
        }
    }

    fn give_the_sign_in_up(&mut self) {
        self.give(Job::Turn { turn: Turn::Cancel, doing: Doing::CancelSignIn, reply: None });
    }
}
