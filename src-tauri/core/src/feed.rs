//! Usage without polling: what Claude Code tells its statusline. Owns reading that JSON, what of it is worth a report,
//! and whose account a report speaks of, because Claude Code does not say (`docs/observed.md` §8). Leaves the reports
//! to the `Feed` port, and what the line looks like to the program `signalbox statusline`.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::board::LiveState;
use crate::flow::FlowError;
use crate::ports::Ports;
use crate::sync;
use crate::time::{DAY, SECOND, Timestamp};
use crate::usage::{Reading, Usage, Window, WindowKind};
use crate::vault;

/// A session follows a switch within 30 s (`docs/observed.md` §14). A request that began earlier may have used the
/// login before.
const SETTLING_MS: i64 = 35 * SECOND;
/// Claude Code calls its statusline a moment after the answer came.
const BEHIND_MS: i64 = 5 * SECOND;
/// Reports that are older say nothing any more.
const FORGOTTEN_MS: i64 = DAY;
/// So many calls of a session are remembered, to know a repetition where two processes share it.
const REMEMBERED: usize = 64;

/// What Claude Code tells its statusline. Every member may be absent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Told {
    pub session: Option<String>,
    /// "Opus 4.8".
    pub model: Option<String>,
    /// In US dollars, as Claude Code reckons it.
    pub cost_usd: Option<f64>,
    /// How long this session has waited for answers altogether, in milliseconds. It grows with every answer, and with
    /// nothing else.
    pub waited_ms: Option<i64>,
    /// The two great windows, as far as they are told.
    pub windows: Vec<Window>,
}

/// What one session was told with its last answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    pub at: Timestamp,
    /// How long at most the answer took, in milliseconds.
    pub took_ms: i64,
    pub windows: Vec<Window>,
}

/// What is remembered of a session from one call of its statusline to the next.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Heard {
    /// How long it had waited for answers at its last calls, oldest first, each once.
    pub waited_ms: Vec<i64>,
    /// What its last answer told.
    pub report: Option<Report>,
}

impl Told {
    /// Reads the statusline's JSON. `None` when it is no object; what makes no sense in it is passed over.
    pub fn parse(json: &[u8]) -> Option<Self> {
        let members: Members<'_> = serde_json::from_slice(json).ok()?;
        let cost: Value = of(members.cost).unwrap_or_default();
        let limits: Value = of(members.rate_limits).unwrap_or_default();
        let model: Value = of(members.model).unwrap_or_default();
        let number = |name: &str| cost.get(name).and_then(Value::as_f64);
        let windows = [(WindowKind::FiveHour, "five_hour"), (WindowKind::SevenDay, "seven_day")].map(|(kind, name)| {
            let window = limits.get(name)?;
            let percent = window.get("used_percentage")?.as_f64().filter(|n| n.is_finite() && *n >= 0.0)?;
            let resets_at = window.get("resets_at").and_then(Value::as_i64).and_then(|s| s.checked_mul(SECOND));
            Some(Window { kind, percent, resets_at: resets_at.filter(|ms| *ms > 0).map(Timestamp::from_ms) })
        });
        #[expect(clippy::cast_possible_truncation, reason = "checked to be a small whole number of milliseconds")]
        let waited_ms = number("total_api_duration_ms").filter(|ms| (0.0..1e15).contains(ms)).map(|ms| ms as i64);
        Some(Self {
            session: of(members.session_id),
            model: model.get("display_name").and_then(Value::as_str).map(str::to_owned),
            cost_usd: number("total_cost_usd").filter(|usd| usd.is_finite() && *usd >= 0.0),
            waited_ms,
            windows: windows.into_iter().flatten().collect(),
        })
    }
}

/// The members that are looked at. The others are skipped without being kept: the whole may be long.
#[derive(Deserialize)]
struct Members<'a> {
    #[serde(borrow, default)]
    session_id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    model: Option<&'a RawValue>,
    #[serde(borrow, default)]
    cost: Option<&'a RawValue>,
    #[serde(borrow, default)]
    rate_limits: Option<&'a RawValue>,
}

/// A member of the type that it should have.
fn of<T: DeserializeOwned>(member: Option<&RawValue>) -> Option<T> {
    serde_json::from_str(member?.get()).ok()
}

impl Heard {
    /// This with what is told now. `None` when no answer came since: then Claude Code only repeats what it said before.
    pub fn hearing(&self, told: &Told, now: Timestamp) -> Option<Self> {
        let waited = told.waited_ms?;
        let took_ms = if self.waited_ms.contains(&waited) {
            self.took_without_waiting(told, waited, now)?
        } else {
            waited - self.before(waited)
        };
        let mut next = self.clone();
        next.waited_ms.retain(|known| *known != waited);
        next.waited_ms.push(waited);
        next.waited_ms.drain(..next.waited_ms.len().saturating_sub(REMEMBERED));
        // When the last answer of a session came that is heard of for the first time, nobody knows: it may be idle, and repeat
        // what it was told before a switch.
        if !self.waited_ms.is_empty() && !told.windows.is_empty() && took_ms > 0 {
            next.report = Some(Report { at: now, took_ms, windows: told.windows.clone() });
        }
        Some(next)
    }

    /// How long a session that has waited `waited` had waited before its last answer, at least.
    fn before(&self, waited: i64) -> i64 {
        // It fell where the session was resumed by a new process, or two of them share it: then nobody knows whose is
        // whose.
        let surely = if self.waited_ms.is_sorted() { self.waited_ms.last() } else { self.waited_ms.iter().min() };
        surely.copied().filter(|before| *before < waited).unwrap_or(0)
    }

    /// A refusal brings new numbers, and may not count as waiting. It came after the last answer; `None` where nothing
    /// new is told.
    fn took_without_waiting(&self, told: &Told, waited: i64, now: Timestamp) -> Option<i64> {
        let last = self.report.as_ref()?;
        let newest = self.waited_ms.is_sorted() && self.waited_ms.last() == Some(&waited);
        let differs = !told.windows.is_empty() && told.windows != last.windows;
        (newest && differs).then(|| now.since(last.at)).filter(|took| *took > 0)
    }
}

impl Report {
    /// When the answer was asked for, at the earliest.
    fn began(&self) -> Timestamp {
        self.at.plus(-self.took_ms.saturating_add(BEHIND_MS))
    }

    /// Whether it can only speak of the account that has been live since `since`.
    pub fn is_since(&self, since: Timestamp) -> bool {
        self.began().since(since) >= SETTLING_MS
    }

    /// Its windows beside a reading. Answers overlap: a number that was read after this answer was asked for, and is
    /// higher, is the newer one, because within a window usage only grows.
    fn beside(&self, last: &Reading) -> Vec<Window> {
        let told = Usage { windows: self.windows.clone(), spend: None }.steadied(&last.usage);
        let newer = |window: Window| {
            let known = last.usage.windows.iter().find(|known| known.kind == window.kind);
            let known = known.filter(|known| known.resets_at == window.resets_at && known.percent > window.percent);
            known.filter(|_| last.read_at > self.began()).cloned().unwrap_or(window)
        };
        told.windows.into_iter().map(newer).collect()
    }
}

/// Takes in what the sessions reported of the live account. `true`: there is a newer reading.
///
/// A report counts for the active profile if the live login certainly is that profile's and has been since before the
/// answer was asked for; otherwise it is left, and a later one will count.
pub fn take_in(ports: &Ports) -> Result<bool, FlowError> {
    let mut reports = ports.feed.reports()?;
    let now = ports.clock.now();
    if reports.iter().any(|report| now.since(report.at) > FORGOTTEN_MS) {
        ports.feed.forget_before(now.plus(-FORGOTTEN_MS))?;
    }
    reports.retain(|report| (0..=FORGOTTEN_MS).contains(&now.since(report.at)));
    if reports.is_empty() {
        return Ok(false);
    }
    let roster = vault::load_roster(ports)?;
    let (Some(active), Some(since)) = (roster.active(), roster.live_since()) else { return Ok(false) };
    let last = ports.readings.last(active.identity())?;
    // A reading from the future was made before the clock was set back.
    let read_at = last.as_ref().map(|last| last.read_at).filter(|at| *at <= now);
    reports.retain(|report| report.is_since(since) && read_at.is_none_or(|read_at| report.at > read_at));
    if reports.is_empty() || sync::glance(ports, &roster) != (LiveState::Known { alias: active.alias.clone() }) {
        return Ok(false);
    }
    // While nobody watched, another account may have come and gone; it left other tokens of this one behind.
    let saved_at = vault::header(ports, &active.alias)?.map(|header| header.saved_at);
    reports.retain(|report| saved_at.is_none_or(|saved_at| report.began() >= saved_at));
    reports.sort_by_key(|report| report.at);
    let Some(first) = reports.first() else { return Ok(false) };
    // Where nobody asked the server yet, what it alone tells is due at once.
    let unasked = Reading { usage: Usage::default(), read_at: first.began(), asked_at: Timestamp::from_ms(0) };
    let reading = reports.iter().fold(last.unwrap_or(unasked), |reading, report| {
        let windows = report.beside(&reading);
        reading.overlaid(&windows, report.at)
    });
    ports.readings.store(active.identity(), &reading)?;
    Ok(true)
}
