//! `signalbox doctor`: everything around the logins that is wrong or soon will be, each with what mends it; `--fix` mends what
//! needs no question. Owns how findings look; what they mean is in `signalbox_core::doctor`, looking and mending in `signalbox_machine::doctor`.

use serde_json::{Value, json};
use signalbox_core::doctor::{Finding, Severity};
use signalbox_core::time::Timestamp;
use signalbox_machine::doctor::{self, Examination, Mended, Patient};

use crate::context::{Context, Report};
use crate::exit::Status;
use crate::json;
use crate::render::{self, Colour, Style};

/// A finding and what came of mending it.
struct Outcome {
    finding: Finding,
    mended: Option<Mended>,
}

impl Outcome {
    fn is_mended(&self) -> bool {
        self.mended == Some(Mended::Done)
    }

    /// Whether it still counts.
    fn is_left(&self) -> bool {
        !self.is_mended() && self.finding.severity() != Severity::Note
    }
}

/// Looks, mends if asked to, and tells. It ends with status 0 only when nothing is left that counts.
pub fn run(context: &Context, fix: bool) -> Report {
    let settings = context.settings.as_ref();
    let patient = Patient { surroundings: &context.surroundings, ports: &context.ports, settings };
    let Examination { findings, checks } = doctor::examine(patient);
    let mended = if fix { doctor::fix(patient, &findings) } else { vec![None; findings.len()] };
    let outcomes: Vec<Outcome> =
        findings.into_iter().zip(mended).map(|(finding, mended)| Outcome { finding, mended }).collect();

    let now = context.now();
    let clean = !outcomes.iter().any(Outcome::is_left);
    context.say(&text(context.style, &outcomes, checks, fix, now));
    let findings: Vec<Value> = outcomes.iter().map(|outcome| value(outcome, now)).collect();
    let members = json::members(json!({ "clean": clean, "checks": checks, "findings": findings }));
    Report { status: if clean { Status::Done } else { Status::Failed }, ..Report::of(members) }
}

fn value(outcome: &Outcome, now: Timestamp) -> Value {
    let Outcome { finding, mended } = outcome;
    let cure = finding.cure(now);
    let not_mended = match mended {
        Some(Mended::Not { why }) => Some(why),
        _ => None,
    };
    json!({
        "kind": finding.kind(),
        "severity": finding.severity(),
        "what": finding.what(now),
        "why": finding.why(),
        "cure": cure.as_ref().map(|cure| &cure.text),
        "command": cure.as_ref().and_then(|cure| cure.command.as_ref()),
        "mendable": finding.mendable(),
        "mended": outcome.is_mended(),
        "notMended": not_mended,
    })
}

fn text(style: Style, outcomes: &[Outcome], checks: usize, fix: bool, now: Timestamp) -> String {
    let mut text = String::new();
    for outcome in outcomes {
        text.push_str(&block(style, outcome, now));
        text.push('\n');
    }
    text.push_str(&summary(outcomes, checks, fix));
    text.push('\n');
    text
}

/// A finding: a mark and what it is, why it matters, and what mends it.
fn block(style: Style, outcome: &Outcome, now: Timestamp) -> String {
    let finding = &outcome.finding;
    let (mark, colour) = match finding.severity() {
        _ if outcome.is_mended() => ("✓", Colour::Green),
        Severity::Wrong => ("✗", Colour::Red),
        Severity::Warning => ("!", Colour::Yellow),
        Severity::Note => ("·", Colour::Dim),
    };
    let what = style.paint(&render::printable(&finding.what(now)), Colour::Bold);
    let why = render::printable(&finding.why());
    let cure = finding.cure(now).map(|cure| render::printable(&cure.text));
    let last = match (&outcome.mended, cure) {
        (Some(Mended::Done), Some(cure)) => format!("  mended: {cure}\n"),
        (Some(Mended::Done), None) => "  mended\n".to_owned(),
        (Some(Mended::Not { why }), cure) => {
            let cure = cure.map(|cure| format!("  cure: {cure}\n")).unwrap_or_default();
            format!("  not mended: {}\n{cure}", render::printable(why))
        }
        (None, Some(cure)) => format!("  cure: {cure}\n"),
        (None, None) => String::new(),
    };
    format!("{} {what}\n  {why}\n{last}", style.paint(mark, colour))
}

fn summary(outcomes: &[Outcome], checks: usize, fix: bool) -> String {
    let count = |keep: &dyn Fn(&Outcome) -> bool| outcomes.iter().filter(|outcome| keep(outcome)).count();
    let notes = count(&|outcome| outcome.finding.severity() == Severity::Note);
    let left = count(&Outcome::is_left);
    let mended = count(&Outcome::is_mended);
    let noted = match notes {
        0 => String::new(),
        1 => ", 1 note".to_owned(),
        notes => format!(", {notes} notes"),
    };
    match (left, mended) {
        (0, 0) => format!("All is well: {checks} checks, nothing found{noted}"),
        (0, mended) => format!("All is well now: {checks} checks, {mended} mended{noted}"),
        (left, mended) if fix => {
            let left = if left == 1 { "1 is left".to_owned() } else { format!("{left} are left") };
            format!("{mended} mended, {left} for you{noted}")
        }
        (left, _) => {
            let findings = if left == 1 { "1 finding".to_owned() } else { format!("{left} findings") };
            match count(&|outcome| outcome.is_left() && outcome.finding.mendable()) {
                0 => format!("{findings}{noted}"),
                mendable => format!("{findings}, {mendable} can be mended by `signalbox doctor --fix`{noted}"),
            }
        }
    }
}
