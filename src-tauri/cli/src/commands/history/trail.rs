//! The samples of one window, its resets, and the switches that a person's events tell. Owns following a
//! profile through its renamings; what a reset is, is the core's.

use serde_json::{Value, json};
use signalbox_core::history::{Entry, Event};
use signalbox_core::plot;
use signalbox_core::profile::Alias;
use signalbox_core::time::Timestamp;
use signalbox_core::usage::{Sample, WindowKind};

/// What is known of one window of one profile.
#[derive(Debug)]
pub struct Trail {
    pub kind: WindowKind,
    /// Oldest first.
    pub samples: Vec<Sample>,
    /// When it began afresh, oldest first.
    pub resets: Vec<Timestamp>,
}

/// Between what a window moved.
pub struct Extent<'a> {
    pub latest: &'a Sample,
    pub lowest: f64,
    pub highest: f64,
}

impl Trail {
    pub fn samples_since(&self, since: Timestamp) -> &[Sample] {
        &self.samples[self.samples.partition_point(|sample| sample.at < since)..]
    }

    pub fn resets_since(&self, since: Timestamp) -> &[Timestamp] {
        &self.resets[self.resets.partition_point(|at| *at < since)..]
    }

    /// `None` where there is no sample since then.
    pub fn extent(&self, since: Timestamp) -> Option<Extent<'_>> {
        let samples = self.samples_since(since);
        let percents = || samples.iter().map(|sample| sample.percent);
        Some(Extent {
            latest: samples.last()?,
            lowest: percents().fold(f64::INFINITY, f64::min),
            highest: percents().fold(0.0, f64::max),
        })
    }
}

/// Samples by window: 5-hour, 7-day, then the models by name. `samples`: oldest first.
pub fn trails(samples: Vec<Sample>, now: Timestamp) -> Vec<Trail> {
    let mut trails: Vec<Trail> = Vec::new();
    for sample in samples {
        match trails.iter_mut().find(|trail| trail.kind == sample.kind) {
            Some(trail) => trail.samples.push(sample),
            None => trails.push(Trail { kind: sample.kind.clone(), samples: vec![sample], resets: Vec::new() }),
        }
    }
    for trail in &mut trails {
        trail.resets = plot::resets(&trail.samples.iter().collect::<Vec<_>>(), now);
    }
    trails.sort_by_key(|trail| match &trail.kind {
        WindowKind::FiveHour => (0, String::new()),
        WindowKind::SevenDay => (1, String::new()),
        WindowKind::Model(name) => (2, name.clone()),
    });
    trails
}

/// The live login became another profile's. `None`: of no profile, or of one that is gone.
#[derive(Debug, PartialEq, Eq)]
pub struct Switch {
    pub at: Timestamp,
    from: Option<Alias>,
    to: Option<Alias>,
}

impl Switch {
    /// What it was for this profile.
    pub fn sign(&self, alias: &Alias) -> Option<(Timestamp, char)> {
        if self.to.as_ref() == Some(alias) {
            Some((self.at, '▲'))
        } else if self.from.as_ref() == Some(alias) {
            Some((self.at, '▼'))
        } else {
            None
        }
    }

    pub fn member(&self) -> Value {
        json!({ "at": self.at, "from": self.from, "to": self.to })
    }
}

/// The switches that these events tell, under the aliases of today. `entries`: oldest first.
pub fn switches(entries: &[Entry]) -> Vec<Switch> {
    let mut switches: Vec<Switch> = Vec::new();
    let mut live: Option<Alias> = None;
    for Entry { at, event, .. } in entries {
        match event {
            Event::Renamed { from, to } => renamed(&mut switches, &mut live, from, Some(to)),
            // Another profile may get this alias later.
            Event::Removed { alias } => renamed(&mut switches, &mut live, alias, None),
            Event::SignedOut { .. } | Event::Foreign { .. } => {
                if let Some(from) = live.take() {
                    switches.push(Switch { at: *at, from: Some(from), to: None });
                }
            }
            Event::Switched { from, .. } | Event::SwitchedOutside { from, .. } if live.is_none() => {
                live.clone_from(from);
                follow(&mut switches, &mut live, *at, event);
            }
            _ => follow(&mut switches, &mut live, *at, event),
        }
    }
    switches
}

fn follow(switches: &mut Vec<Switch>, live: &mut Option<Alias>, at: Timestamp, event: &Event) {
    let Some(to) = event.leaves_live() else { return };
    // That a rotation was saved tells who is live, and no switch where nobody knew before.
    let first = live.is_none() && matches!(event, Event::Rotated { .. });
    if live.as_ref() != Some(to) && !first {
        switches.push(Switch { at, from: live.clone(), to: Some(to.clone()) });
    }
    *live = Some(to.clone());
}

fn renamed(switches: &mut [Switch], live: &mut Option<Alias>, from: &Alias, to: Option<&Alias>) {
    let names = switches.iter_mut().flat_map(|switch| [&mut switch.from, &mut switch.to]).chain([live]);
    for name in names.filter(|name| name.as_ref() == Some(from)) {
        *name = to.cloned();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_ms(ms)
    }

    fn sample(ms: i64, percent: f64, resets_at: Option<i64>) -> Sample {
        Sample { at: at(ms), kind: WindowKind::FiveHour, percent, resets_at: resets_at.map(Timestamp::from_ms) }
    }

    fn alias(name: &str) -> Alias {
        Alias::parse(name).expect("an alias")
    }

    #[test]
    fn windows_stand_in_one_order_and_know_their_extent() {
        let of = |kind| Sample { kind, ..sample(0, 1.0, None) };
        let mut samples = vec![of(WindowKind::Model("Opus".to_owned())), of(WindowKind::SevenDay)];
        samples.extend([sample(0, 40.0, None), sample(10, 3.0, None), sample(20, 9.0, None)]);
        let trails = trails(samples, at(30));
        let labels: Vec<_> = trails.iter().map(|trail| trail.kind.label()).collect();
        assert_eq!(labels, ["5-hour", "7-day", "Opus"]);
        let extent = trails[0].extent(at(5)).expect("two samples");
        assert_eq!((extent.lowest, extent.highest, extent.latest.percent), (3.0, 9.0, 9.0));
        assert!(trails[1].extent(at(5)).is_none());
    }

    #[test]
    fn switches_are_told_under_the_aliases_of_today() {
        let entry = |ms, event| Entry { at: at(ms), by: "cli".to_owned(), event };
        let switched =
            |from: &str, to: &str| Event::Switched { from: Some(alias(from)), to: alias(to), unverified: None };
        let entries = [
            entry(1, Event::Rotated { alias: alias("work") }),
            entry(2, switched("work", "side")),
            entry(3, Event::Rotated { alias: alias("side") }),
            entry(4, Event::Renamed { from: alias("work"), to: alias("office") }),
            entry(5, switched("side", "office")),
            entry(6, Event::Removed { alias: alias("side") }),
            entry(7, Event::SignedOut { alias: None }),
        ];
        let told = switches(&entries);
        let switch =
            |ms, from: Option<&str>, to: Option<&str>| Switch { at: at(ms), from: from.map(alias), to: to.map(alias) };
        let expected =
            [switch(2, Some("office"), None), switch(5, None, Some("office")), switch(7, Some("office"), None)];
        assert_eq!(told, expected);
        assert_eq!(told[1].sign(&alias("office")), Some((at(5), '▲')));
        assert_eq!(told[2].sign(&alias("office")), Some((at(7), '▼')));
        assert_eq!(told[2].sign(&alias("side")), None);
    }
}
