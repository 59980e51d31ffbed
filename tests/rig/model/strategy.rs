//! How stories are made up: the `proptest` strategies, weighted so that the rare things are not too rare.

use proptest::collection::vec;
use proptest::prelude::*;
use signalbox_core::fakes::Fault;

use super::story::{ACCOUNTS, Act, Beside, Clock, Event, Flow, REGISTERED, Run, Step, Story, Version, Weather};

/// Which stories are made up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nothing goes wrong and nobody signs in or out: several processes of 2.1.330 work, a person switches, time
    /// passes.
    Everyday,
    /// Everything that may happen beside processes of 2.1.330.
    Any,
    /// The same with careless older processes among them.
    Careless,
}

/// Stories of a kind.
pub fn stories(kind: Kind) -> BoxedStrategy<Story> {
    let version = match kind {
        Kind::Careless => {
            prop_oneof![4 => Just(Version::Current), 2 => Just(Version::Old), 1 => Just(Version::Oldest)].boxed()
        }
        Kind::Any | Kind::Everyday => Just(Version::Current).boxed(),
    };
    let steps = if kind == Kind::Everyday { everyday().boxed() } else { steps().boxed() };
    let delegated = proptest::bool::weighted(0.1);
    let steps = prop_oneof![vec(steps.clone(), 1..=16), repeated(steps)];
    (2..=REGISTERED.len(), vec(version, 1..=5), delegated, steps)
        .prop_map(|(profiles, sessions, delegated, steps)| Story { profiles, sessions, delegated, steps })
        .boxed()
}

/// A few steps again and again in any order: what matters is often the same thing twice.
fn repeated(steps: BoxedStrategy<Step>) -> impl Strategy<Value = Vec<Step>> {
    (vec(steps, 2..=7), vec(0..7_usize, 1..=20))
        .prop_map(|(few, order)| order.into_iter().map(|at| few[at % few.len()].clone()).collect())
}

fn everyday() -> impl Strategy<Value = Step> {
    let act = prop_oneof![
        3 => Just(Act::Next),
        3 => Just(Act::Work),
        2 => Just(Act::Fetch),
        1 => Just(Act::Rewrite),
        1 => Just(Act::AskProfile),
        1 => Just(Act::AnswerProfile),
    ];
    let clock = prop_oneof![3 => Just(Clock::Minute), 2 => Just(Clock::Night)];
    let event = prop_oneof![
        4 => (0..5_usize, act).prop_map(|(who, act)| Event::Session(who, act)),
        2 => clock.prop_map(Event::Clock),
    ];
    let flow = prop_oneof![
        3 => (0..REGISTERED.len()).prop_map(Flow::Use),
        1 => Just(Flow::Sync),
        1 => Just(Flow::Round),
    ];
    let besides = vec((calls(), event.clone().prop_map(Beside::Event)), 0..=2);
    prop_oneof![
        2 => event.prop_map(Step::Event),
        1 => (flow, besides).prop_map(|(flow, besides)| Step::Ours(Run { flow, besides })),
    ]
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => events().prop_map(Step::Event),
        4 => (flows(), vec((calls(), besides()), 0..=5)).prop_map(|(flow, besides)| Step::Ours(Run { flow, besides })),
    ]
}

fn besides() -> impl Strategy<Value = Beside> {
    prop_oneof![
        6 => events().prop_map(Beside::Event),
        3 => faults().prop_map(Beside::Strike),
        1 => Just(Beside::DiskFull),
        2 => (flows(), proptest::option::weighted(0.4, (calls(), faults())))
            .prop_map(|(flow, fault)| Beside::Other(flow, fault)),
    ]
}

/// Before which call something happens. Most flows are short, and most of what matters happens late in a long one: both
/// get their share. Beyond the last call nothing happens.
fn calls() -> impl Strategy<Value = u8> {
    prop_oneof![2 => 0..12_u8, 3 => 0..32_u8, 1 => 0..80_u8]
}

fn faults() -> impl Strategy<Value = Fault> {
    prop_oneof![
        2 => Just(Fault::Error),
        1 => Just(Fault::CrashBefore),
        2 => Just(Fault::CrashAfter),
        2 => Just(Fault::Torn),
    ]
}

fn events() -> impl Strategy<Value = Event> {
    prop_oneof![
        12 => (0..5_usize, acts()).prop_map(|(who, act)| Event::Session(who, act)),
        4 => clocks().prop_map(Event::Clock),
        2 => weathers().prop_map(Event::Weather),
        1 => Just(Event::ChildrenEnd),
    ]
}

fn acts() -> impl Strategy<Value = Act> {
    prop_oneof![
        8 => Just(Act::Next),
        10 => Just(Act::Work),
        5 => Just(Act::Fetch),
        1 => Just(Act::AnswerLost),
        3 => (0..ACCOUNTS.len()).prop_map(Act::SignIn),
        1 => Just(Act::SignOut),
        1 => Just(Act::Rewrite),
        1 => Just(Act::AskProfile),
        1 => Just(Act::AnswerProfile),
        1 => Just(Act::Mcp),
        1 => Just(Act::Kill),
        1 => Just(Act::Quit),
    ]
}

fn clocks() -> impl Strategy<Value = Clock> {
    prop_oneof![
        3 => Just(Clock::Second),
        5 => Just(Clock::Minute),
        12 => Just(Clock::Night),
        1 => Just(Clock::Week),
        2 => Just(Clock::Back),
    ]
}

fn weathers() -> impl Strategy<Value = Weather> {
    prop_oneof![
        4 => Just(Weather::Fine),
        2 => Just(Weather::Unreachable),
        1 => Just(Weather::Throttled),
        1 => Just(Weather::Failing),
        1 => Just(Weather::AnswersLost),
        2 => Just(Weather::EdgeRefuses),
        1 => Just(Weather::EdgeRefusesAndSlow),
        2 => Just(Weather::AccessRefused),
    ]
}

fn flows() -> impl Strategy<Value = Flow> {
    let profile = || 0..REGISTERED.len();
    prop_oneof![
        5 => Just(Flow::Sync),
        3 => Just(Flow::Round),
        3 => profile().prop_map(Flow::Refresh),
        1 => Just(Flow::Mend),
        2 => Just(Flow::Restore),
        14 => profile().prop_map(Flow::Use),
        3 => profile().prop_map(Flow::Undo),
        2 => Just(Flow::Add),
        1 => profile().prop_map(Flow::Rename),
        1 => profile().prop_map(Flow::Remove),
        1 => Just(Flow::Recover),
        1 => Just(Flow::BringHome),
    ]
}
