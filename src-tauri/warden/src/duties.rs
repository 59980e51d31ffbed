//! What the engine does without being asked: keep the watch or leave it to another program, look at the live login
//! when it may have changed and no more often, look again after a switch, and begin anew after a fault of our own.
//! Owns *when*; what comes of it is in `outcome`, and when usage is read in `rounds`.

use std::time::{Duration, Instant};

use signalbox_core::error::Doing;
use signalbox_core::history;
use signalbox_core::policy;
use signalbox_core::poll::Urgency;
use signalbox_core::ports::Stamp;
use signalbox_core::time::Timestamp;

use super::job::{Closeness, Job, our_fault};
use super::{Cause, Engine};

/// A look that settled nothing is repeated at ever longer intervals, up to this many of the first one.
const LOOK_BACKOFF_MAX: u32 = 32;
/// A timer that is due within this part of a poll is due.
const POLL_SLACK: u32 = 10;
/// After fault upon fault, mending what they may have left is tried at ever longer intervals, up to this many ticks.
const FAULT_BACKOFF_TICKS_MAX: u32 = 256;

/// How closely to look at the live store.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// Unless its stamp is the one at the last look, whatever that look found.
    IfNew,
    /// Unless its stamp is the one at the last look that settled whose the login is.
    IfChanged,
    Anyway,
    /// A person wants to know.
    Asked,
}

/// The looks so far, and the next one.
pub(super) struct Looks {
    under_way: bool,
    /// The store was written while a look was under way.
    again: bool,
    /// The stamp at the last look.
    pub(super) seen: Option<Stamp>,
    /// The stamp at the last look that settled whose the live login is.
    pub(super) settled: Option<(Stamp, Instant)>,
    /// How many looks in a row have settled nothing.
    unsettled: u32,
    /// When a look is due although nothing says that anything changed.
    next: Instant,
    /// When the last one ended.
    ended: Option<Instant>,
    /// When a write has to be looked at that came too soon after an unsettled look.
    deferred: Option<Instant>,
}

impl Looks {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            under_way: false,
            again: false,
            seen: None,
            settled: None,
            unsettled: 0,
            next: now,
            ended: None,
            deferred: None,
        }
    }
}

impl Looks {
    /// The last look settled whose the login is.
    pub(super) fn is_settled(&self) -> bool {
        self.unsettled == 0
    }
}

/// The minutes after a switch, in which something of the old account may come back.
#[derive(Default)]
pub(super) struct Aftermath {
    /// The first look at `oauthAccount`.
    mend_at: Option<Instant>,
    /// Until when it is looked at again and again.
    mend_until: Option<Instant>,
    mending: bool,
    /// The file was written while it was being looked at.
    again: bool,
    /// The last switch that the list of profiles knows of.
    switched_at: Option<Timestamp>,
}

/// What our own faults ask for.
#[derive(Default)]
pub(super) struct Fault {
    /// When to mend what they may have left.
    recover_at: Option<Instant>,
    /// How many there were, one soon after the other.
    in_a_row: u32,
    last: Option<Instant>,
    /// What the last one stopped.
    at: Option<String>,
}

impl Engine {
    pub(super) fn until_next(&self) -> Duration {
        let timers = [
            Some(self.next_tick),
            Some(self.next_poll),
            self.aftermath.mend_at,
            self.looks.deferred,
            self.fault.recover_at,
            self.usage.after_wake,
            self.leave_at,
        ];
        let first = timers.into_iter().flatten().min();
        first.map_or(self.pace.tick, |at| at.saturating_duration_since(Instant::now()))
    }

    pub(super) fn tick(&mut self) {
        let now = Instant::now();
        if is_due(&mut self.fault.recover_at, now) {
            let after = self.fault.at.take();
            self.give(Job::Recover { after });
        }
        if is_due(&mut self.aftermath.mend_at, now) {
            self.look(Look::Anyway);
            self.mend();
        }
        if is_due(&mut self.looks.deferred, now) {
            self.look(Look::IfNew);
        }
        if is_due(&mut self.usage.after_wake, now) {
            self.begin_round(Urgency::Eager);
        }
        // What is due in a moment is done along, so that the processor wakes once instead of twice.
        let soon = now + self.pace.poll / POLL_SLACK;
        if soon >= self.next_poll {
            self.next_poll = now + self.pace.poll;
            self.notice_waking(now);
            self.poll(now);
            self.look_at_the_feed();
            self.look_at_the_sign_in();
            self.look_after_what_is_due();
        }
        if soon >= self.next_tick {
            self.next_tick = now + self.pace.tick;
            self.ask_for_the_watch();
            self.begin_round(Urgency::Due);
            self.forget_old_notice(now);
            // Badges age and windows reset without anything happening.
            self.publish();
        }
    }

    /// Compares the store's stamp, which reads no secret; reads it where that is due.
    fn poll(&mut self, now: Instant) {
        let confirmed = self.looks.settled.as_ref().is_some_and(|(_, at)| now - *at < self.pace.confirm_every);
        if now < self.looks.next {
            self.write_seen(now);
        } else if confirmed {
            self.look(Look::IfChanged);
        } else {
            self.look(Look::Anyway);
        }
        if self.aftermath.mend_until.is_some_and(|until| now < until) {
            self.mend();
        }
    }

    /// The login may have been written.
    pub(super) fn login_changed(&mut self) {
        // Another program may have set it aside, and then it is no news.
        self.look_at_the_sign_in();
        if self.looks.under_way {
            // It may have read what stood there before.
            self.looks.again = true;
        } else {
            self.write_seen(Instant::now());
        }
        self.account_changed();
    }

    /// Looks if the stamp is a new one, but not at once where the last look settled nothing: whatever writes the
    /// store in a loop must not make us ask the server in a loop.
    fn write_seen(&mut self, now: Instant) {
        let calm_at = self.looks.ended.map(|ended| ended + self.pace.calm).filter(|at| *at > now);
        match calm_at {
            Some(at) if self.looks.unsettled > 0 || !self.is_live_known() => self.looks.deferred = Some(at),
            _ => self.look(Look::IfNew),
        }
    }

    /// The file with `oauthAccount` may have been written. Only after a switch does that mean anything.
    pub(super) fn account_changed(&mut self) {
        if self.aftermath.mend_until.is_some_and(|until| Instant::now() < until) {
            self.mend();
        }
    }

    fn mend(&mut self) {
        if self.aftermath.mending {
            self.aftermath.again = true;
        } else if !self.is_idle() {
            self.aftermath.mending = true;
            self.give(Job::Mend);
        }
    }

    pub(super) fn mend_ended(&mut self) {
        self.aftermath.mending = false;
        if std::mem::take(&mut self.aftermath.again) {
            self.mend();
        }
    }

    /// A switch of ours has just succeeded.
    pub(super) fn switched(&mut self) {
        let now = Instant::now();
        self.aftermath.mend_at = Some(now + self.pace.mend_after);
        if self.watching {
            self.aftermath.mend_until = Some(now + aftermath(0));
        }
    }

    /// The last switch that the list of profiles knows of: another program's, or one from before this start.
    pub(super) fn switch_known(&mut self, at: Option<Timestamp>) {
        if at == self.aftermath.switched_at {
            return;
        }
        self.aftermath.switched_at = at;
        let Some(age) = at.map(|at| self.ports.clock.now().since(at)) else { return };
        if self.watching && (0..=policy::REVERSION_MS).contains(&age) {
            let now = Instant::now();
            self.aftermath.mend_at.get_or_insert(now + self.pace.mend_after);
            self.aftermath.mend_until = Some(now + aftermath(age));
        }
    }

    pub(super) fn look(&mut self, how: Look) {
        if self.looks.under_way {
            self.looks.again |= how == Look::IfNew;
            return;
        }
        if self.is_idle() {
            return;
        }
        self.looks.under_way = true;
        self.looks.deferred = None;
        let known = match how {
            Look::IfNew => self.looks.seen.clone(),
            Look::IfChanged => self.looks.settled.as_ref().map(|(stamp, _)| stamp.clone()),
            Look::Anyway | Look::Asked => None,
        };
        // What the warden does about a change is its own; a guest sees it in what is saved. Where that does not
        // settle it, the guest looks for itself.
        let guest = !self.watching && self.looks.unsettled == 0 && how != Look::Asked;
        let closeness = if guest { Closeness::Glance } else { Closeness::Sync };
        self.give(Job::Look { known, closeness, was_live: self.was_live.clone() });
    }

    /// A look has ended. `settled`: whose the live login is, is certain; `None`: it found nothing new.
    pub(super) fn look_ended(&mut self, stamp: Option<Stamp>, settled: Option<bool>) {
        let now = Instant::now();
        let looks = &mut self.looks;
        looks.under_way = false;
        looks.ended = Some(now);
        looks.seen = stamp.clone().or(looks.seen.take());
        match settled {
            Some(true) => {
                looks.settled = stamp.map(|stamp| (stamp, now));
                looks.unsettled = 0;
                looks.next = now;
            }
            Some(false) => {
                looks.settled = None;
                let times = 1_u32.checked_shl(looks.unsettled).unwrap_or(u32::MAX).min(LOOK_BACKOFF_MAX);
                looks.unsettled = looks.unsettled.saturating_add(1);
                // Half a poll early, so that the look falls on the poll itself.
                looks.next = (now + self.pace.look_again * times).checked_sub(self.pace.poll / 2).unwrap_or(now);
            }
            None => {}
        }
        if std::mem::take(&mut looks.again) {
            self.write_seen(now);
        }
    }

    /// What was settled is not any more: the list of profiles or the store is known to have changed.
    pub(super) fn unsettle(&mut self) {
        self.looks.settled = None;
    }

    /// Takes the watch if nobody else keeps it.
    pub(super) fn ask_for_the_watch(&mut self) {
        if self.watching || self.is_idle() {
            return;
        }
        let before = self.activity.watched_by.take();
        self.activity.watched_by = (self.watched_by)();
        if self.activity.watched_by.is_some() {
            return;
        }
        self.watching = true;
        self.activity.keeps_watch = true;
        self.give(Job::Note { event: history::Event::WatchBegan, unless_told: false });
        if let Some(before) = before {
            tracing::info!(%before, "the watch is ours now");
            self.look(Look::Anyway);
        }
    }

    pub(super) fn end_the_watch(&mut self) {
        if self.watching {
            self.give(Job::Note { event: history::Event::WatchEnded, unless_told: false });
        }
    }

    /// Signalbox itself failed. It goes on, and mends first what may have been left half done. One fault after
    /// another must not keep it busy with mending.
    pub(super) fn faulted(&mut self, doing: &Doing) {
        self.complain(our_fault(doing), Cause::Asked);
        let now = Instant::now();
        let fault = &mut self.fault;
        let ticks = |row: u32| 1_u32.checked_shl(row).unwrap_or(u32::MAX).min(FAULT_BACKOFF_TICKS_MAX);
        if fault.last.is_none_or(|last| now - last > self.pace.tick * 2 * ticks(fault.in_a_row)) {
            fault.in_a_row = 0;
        }
        let wait = if fault.in_a_row == 0 { Duration::ZERO } else { self.pace.tick * ticks(fault.in_a_row) };
        fault.last = Some(now);
        fault.in_a_row = fault.in_a_row.saturating_add(1);
        fault.at = Some(doing.words());
        fault.recover_at.get_or_insert(now + wait);
    }
}

/// What is left, after `age_ms`, of the time in which a switch may be undone.
fn aftermath(age_ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(policy::REVERSION_MS - age_ms).unwrap_or(0))
}

fn is_due(timer: &mut Option<Instant>, now: Instant) -> bool {
    timer.take_if(|at| now >= *at).is_some()
}
