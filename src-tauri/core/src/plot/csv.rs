//! Samples as comma-separated values (RFC 4180), for a spreadsheet: every one that is kept, not the thinned lines of the plot.
//! Owns the columns, and that no name can become a formula; quoting is the `csv` crate's.

use chrono::{DateTime, SecondsFormat, Utc};
use csv::{Terminator, WriterBuilder};

use super::Span;
use crate::flow::FlowError;
use crate::ports::Ports;
use crate::profile::Alias;
use crate::time::Timestamp;
use crate::usage::Sample;
use crate::vault;

/// The first line. Times are UTC, as RFC 3339 writes them.
pub const HEADER: &str = "profile,window,at,percent,resets_at\r\n";

/// The samples of the last `span`: those of each profile in turn, oldest first. Only the profiles whose cards have one of
/// these `ids`.
pub fn of_cards(ports: &Ports, span: Span, ids: &[String]) -> Result<String, FlowError> {
    let until = ports.clock.now();
    let roster = vault::load_roster(ports)?;
    let mut text = HEADER.to_owned();
    for profile in roster.profiles().iter().filter(|profile| ids.contains(&profile.id())) {
        let samples = ports.samples.since(profile.identity(), until.plus(-span.ms()))?;
        text.push_str(&rows(&profile.alias, samples.iter().filter(|sample| sample.at <= until)));
    }
    Ok(text)
}

/// A line for each sample, without the header.
pub fn rows<'a>(alias: &Alias, samples: impl IntoIterator<Item = &'a Sample>) -> String {
    let mut writer = WriterBuilder::new().has_headers(false).terminator(Terminator::CRLF).from_writer(Vec::new());
    for sample in samples {
        let resets_at = sample.resets_at.map(rfc3339).unwrap_or_default();
        let row =
            [alias.as_str(), &tame(sample.kind.label()), &rfc3339(sample.at), &sample.percent.to_string(), &resets_at];
        writer.write_record(row).expect("a Vec takes every byte, and all rows have five fields");
    }
    let bytes = writer.into_inner().expect("a Vec takes every byte");
    String::from_utf8(bytes).expect("texts were written")
}

/// What a file with such a plot is called, without its ending: "signalbox-history-2026-11-22", by the person's own calendar.
pub fn file_stem(ports: &Ports) -> String {
    let now = ports.clock.now();
    let day = DateTime::<Utc>::from_timestamp_millis(now.ms()).map(|at| at.with_timezone(&ports.clock.zone(now)));
    day.map_or_else(|| "signalbox-history".to_owned(), |day| day.format("signalbox-history-%Y-%m-%d").to_string())
}

/// "2026-11-22T08:00:00Z"
fn rfc3339(at: Timestamp) -> String {
    let moment = DateTime::<Utc>::from_timestamp_millis(at.ms());
    moment.map_or_else(String::new, |moment| moment.to_rfc3339_opts(SecondsFormat::Secs, true))
}

/// A name that a spreadsheet would run as a formula gets an apostrophe in front, which spreadsheets take for "this is text". So
/// does a name that begins with an apostrophe: taking one away from the front always gives the name back.
fn tame(name: &str) -> String {
    let first = name.trim_start().chars().next();
    let runs = matches!(first, Some('=' | '+' | '-' | '@' | '\'' | '＝' | '＋' | '－' | '＠'))
        || name.starts_with(|c: char| c.is_whitespace() || c.is_control());
    if runs { format!("'{name}") } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::usage::WindowKind;
    use proptest::prelude::*;

    fn samples(name: &str, percents: &[f64]) -> Vec<Sample> {
        let kind = WindowKind::Model(name.to_owned());
        let resets_at = Some(Timestamp::from_ms(1_800_600_000_000));
        let at = |index: usize| Timestamp::from_ms(1_800_000_000_000 + 1000 * i64::try_from(index).expect("few"));
        let sample = |(index, percent): (usize, &f64)| Sample {
            at: at(index),
            kind: kind.clone(),
            percent: *percent,
            resets_at,
        };
        percents.iter().enumerate().map(sample).collect()
    }

    fn table(samples: &[Sample]) -> String {
        let alias = Alias::parse("work").expect("an alias");
        format!("{HEADER}{}", rows(&alias, samples))
    }

    /// As a program reads it that knows nothing of us but the apostrophe.
    fn read(text: &str) -> Vec<Vec<String>> {
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        assert_eq!(reader.headers().expect("a header"), vec!["profile", "window", "at", "percent", "resets_at"]);
        reader.records().map(|row| row.expect("a row").iter().map(str::to_owned).collect()).collect()
    }

    #[test]
    fn a_row_has_utc_times_and_lines_end_as_the_standard_says() {
        let mut samples = samples("Opus", &[71.5, 100.0]);
        samples[1].resets_at = None;
        assert_eq!(
            table(&samples),
            "profile,window,at,percent,resets_at\r\n\
             work,Opus,2027-01-15T08:00:00Z,71.5,2027-01-22T06:40:00Z\r\n\
             work,Opus,2027-01-15T08:00:01Z,100,\r\n"
        );
    }

    #[test]
    fn no_name_becomes_a_formula() {
        for name in ["=1+1", "+1", "-1", "@SUM(A1)", "=cmd|' /C calc'!A0", " =1", "\t=1", "\r=1", "＝1"] {
            let text = table(&samples(name, &[1.0]));
            let cell = &read(&text)[0][1];
            assert!(cell.starts_with('\''), "{name:?} became {cell:?}");
        }
        assert_eq!(read(&table(&samples("Opus 4-1", &[1.0])))[0][1], "Opus 4-1", "an ordinary name stays as it is");
    }

    proptest! {
        #[test]
        fn whatever_a_model_is_called_a_reader_gets_its_name_back(
            name in prop_oneof![any::<String>(), "[=+@'\",;\r\n\t a-]{0,12}"],
            percents in proptest::collection::vec(0.0..150.0_f64, 1..4),
        ) {
            let read = read(&table(&samples(&name, &percents)));
            prop_assert_eq!(read.len(), percents.len());
            for (row, percent) in read.iter().zip(&percents) {
                let window = row[1].strip_prefix('\'').unwrap_or(&row[1]);
                prop_assert_eq!(window, name.as_str());
                prop_assert!(!row[1].starts_with(['=', '+', '-', '@', '\t', '\r', '\n', ' ']));
                prop_assert!((row[3].parse::<f64>().expect("a number") - percent).abs() < f64::EPSILON);
            }
        }
    }
}
