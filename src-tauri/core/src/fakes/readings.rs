//! Pretended usage: the last readings, the books of requests, samples, what statuslines reported, and how a person
//! wants it all drawn.

use std::collections::HashSet;

use crate::bootstrap::Choice;
use crate::feed::{Report, Told};
use crate::identity::Identity;
use crate::policy::BackOff;
use crate::ports::{Feed, Preferences, Readings, Samples, Stamp, StoreError};
use crate::schedule::{self, Books};
use crate::stretch::{self, Change, Stretch, Upkeep};
use crate::terms::Terms;
use crate::time::{HOUR, Timestamp};
use crate::usage::{Reading, Sample, WindowKind};
use crate::view::View;

use super::stores::{unreadable, unwritable};
use super::{State, World};

impl Readings for World {
    fn last(&self, identity: &Identity) -> Result<Option<Reading>, StoreError> {
        self.step("readings.last", unreadable, |state, _| Ok(state.readings.get(identity).cloned()))
    }

    fn store(&self, identity: &Identity, reading: &Reading) -> Result<(), StoreError> {
        self.step("readings.store", unwritable, |state, _| {
            state.readings.insert(identity.clone(), reading.clone());
            let kept = state.samples.entry(identity.clone()).or_default();
            for sample in reading.samples() {
                keep(kept, &sample);
            }
            Ok(())
        })
    }

    fn books(&self, identity: &Identity, now: Timestamp) -> Result<Books, StoreError> {
        self.step("readings.books", unreadable, |state, _| Ok(books(state, identity, now)))
    }

    fn claim(
        &self,
        identity: &Identity,
        now: Timestamp,
        may: &dyn Fn(&Books) -> Result<(), Timestamp>,
    ) -> Result<Result<(), Timestamp>, StoreError> {
        self.step("readings.claim", unwritable, |state, _| {
            let allowed = may(&books(state, identity, now));
            if allowed.is_ok() {
                state.books.entry(identity.clone()).or_default().asked.push(now);
            }
            Ok(allowed)
        })
    }

    fn block(&self, identity: &Identity, until: Timestamp) -> Result<(), StoreError> {
        self.step("readings.block", unwritable, |state, _| {
            let books = state.books.entry(identity.clone()).or_default();
            let before = books.blocked_until.filter(|before| before.since(until) < schedule::THROTTLED_MAX_MS);
            books.blocked_until = Some(before.map_or(until, |before| before.max(until)));
            Ok(())
        })
    }

    fn back_off(&self, identity: &Identity) -> Result<Option<BackOff>, StoreError> {
        self.step("readings.back_off", unreadable, |state, _| Ok(state.back_offs.get(identity).copied()))
    }

    fn set_back_off(&self, identity: &Identity, back_off: Option<BackOff>) -> Result<(), StoreError> {
        self.step("readings.set_back_off", unwritable, |state, _| {
            match back_off {
                Some(back_off) => state.back_offs.insert(identity.clone(), back_off),
                None => state.back_offs.remove(identity),
            };
            Ok(())
        })
    }

    fn forget(&self, identity: &Identity) -> Result<(), StoreError> {
        self.step("readings.forget", unwritable, |state, _| {
            state.readings.remove(identity);
            state.books.remove(identity);
            state.samples.remove(identity);
            state.back_offs.remove(identity);
            Ok(())
        })
    }
}

/// Those of the hour before `now`, and those that a clock which was set back has put into the future.
fn books(state: &State, identity: &Identity, now: Timestamp) -> Books {
    let mut books = state.books.get(identity).cloned().unwrap_or_default();
    books.asked.retain(|at| now.since(*at) < HOUR);
    books.asked.sort_unstable();
    books
}

impl Samples for World {
    fn since(&self, identity: &Identity, since: Timestamp) -> Result<Vec<Sample>, StoreError> {
        self.step("samples.since", unreadable, |state, _| {
            let kept = state.samples.get(identity).map_or(&[][..], Vec::as_slice);
            Ok(stretch::samples(kept, since))
        })
    }

    fn thin(&self, now: Timestamp) -> Result<(), StoreError> {
        self.step("samples.thin", unwritable, |state, _| {
            let newest = state.samples.values().flatten().map(|stretch| stretch.last).max();
            let Some(upkeep) = newest.and_then(|newest| Upkeep::due(state.upkeep, newest, now)) else { return Ok(()) };
            for kept in state.samples.values_mut() {
                thin(kept, upkeep);
            }
            state.upkeep = Some(upkeep);
            Ok(())
        })
    }
}

/// Keeps a sample. The stretches stay sorted by their ends.
fn keep(kept: &mut Vec<Stretch>, sample: &Sample) {
    let after = kept.partition_point(|stretch| stretch.last < sample.at);
    let of_kind = |stretch: &Stretch| stretch.kind == sample.kind;
    let before = kept[..after].iter().rposition(of_kind);
    let next = kept[after..].iter().position(of_kind).map(|index| after + index);
    let new = match (stretch::change(before.map(|i| &kept[i]), next.map(|i| &kept[i]), sample), before) {
        (Change::Nothing, _) => return,
        (Change::Longer, Some(index)) => Stretch { last: sample.at, ..kept.remove(index) },
        (Change::Instead, Some(index)) => {
            kept.remove(index);
            Stretch::of(sample)
        }
        _ => Stretch::of(sample),
    };
    kept.retain(|stretch| stretch.kind != new.kind || stretch.last != new.last);
    kept.insert(kept.partition_point(|stretch| stretch.last <= new.last), new);
}

fn thin(kept: &mut Vec<Stretch>, upkeep: Upkeep) {
    kept.retain(|stretch| stretch.last >= upkeep.kept_from());
    for stretch in kept.iter_mut() {
        stretch.first = stretch.first.max(upkeep.kept_from());
    }
    let kinds: HashSet<WindowKind> = kept.iter().map(|stretch| stretch.kind.clone()).collect();
    for kind in kinds {
        let (old, mut rest): (Vec<_>, Vec<_>) =
            kept.drain(..).partition(|stretch| stretch.kind == kind && stretch.last < upkeep.raw_from());
        let out = stretch::thinned(&old);
        rest.extend(old.into_iter().zip(out).filter_map(|(stretch, out)| (!out).then_some(stretch)));
        *kept = rest;
        kept.sort_by_key(|stretch| stretch.last);
    }
}

impl Feed for World {
    fn reports(&self) -> Result<Vec<Report>, StoreError> {
        self.step("feed.reports", unreadable, |state, _| {
            let heard = state.heard.values().filter_map(|heard| heard.report.as_ref());
            Ok(state.reports.iter().chain(heard).cloned().collect())
        })
    }

    fn stamp(&self) -> Option<Stamp> {
        let newest = self.lock().reports.iter().map(|report| report.at).max()?;
        Some(Stamp(newest.ms().to_string()))
    }

    fn forget_before(&self, at: Timestamp) -> Result<(), StoreError> {
        self.step("feed.forget_before", unwritable, |state, _| {
            state.reports.retain(|report| report.at >= at);
            state.heard.retain(|_, heard| heard.report.as_ref().is_none_or(|report| report.at >= at));
            Ok(())
        })
    }
}

impl Preferences for World {
    fn view(&self) -> View {
        self.lock().view
    }

    fn set_view(&self, view: View) -> Result<(), StoreError> {
        self.step("preferences.set_view", unwritable, |state, _| {
            state.view = view;
            Ok(())
        })
    }

    fn terms(&self) -> Terms {
        self.lock().terms
    }

    fn set_terms(&self, terms: Terms) -> Result<(), StoreError> {
        self.step("preferences.set_terms", unwritable, |state, _| {
            state.terms = terms;
            Ok(())
        })
    }

    fn bootstrap(&self) -> Choice {
        self.lock().bootstrap
    }

    fn set_bootstrap(&self, choice: Choice) -> Result<(), StoreError> {
        self.step("preferences.set_bootstrap", unwritable, |state, _| {
            state.bootstrap = choice;
            Ok(())
        })
    }
}

impl World {
    /// A session's statusline tells this.
    pub fn reports(&self, report: Report) {
        self.lock().reports.push(report);
    }

    /// A session calls its statusline. Gives what its last answer reported.
    pub fn hear(&self, told: &Told) -> Option<Report> {
        let mut state = self.lock();
        let now = state.now;
        let heard = state.heard.entry(told.session.clone()?).or_default();
        if let Some(next) = heard.hearing(told, now) {
            *heard = next;
        }
        heard.report.clone()
    }
}
