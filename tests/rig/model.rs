//! A model of everything that may happen to a login: stories in which several Claude Code processes, the warden, the
//! command line, crashes, faults and clocks interleave over the pretended world (`signalbox_core::fakes`), and the
//! books that say after each story whether a login was lost. The test (`it model`) and the soak both tell these
//! stories; what has to be true is in `judge`, what Claude Code does in `session`, what we do in `ours`.
//!
//! A story is explicit: everything that happens stands in it, and telling it twice gives the same end. So it can be
//! shrunk.

pub mod books;
mod claude_store;
mod judge;
pub mod naive;
mod ours;
mod session;
pub mod stage;
pub mod story;
pub mod strategy;
pub mod teller;

pub use books::{Tally, Window};
pub use judge::{silence_crashes, tell};
pub use story::Story;
