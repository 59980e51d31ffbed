//! Stories without end, each batch from a seed of its own, of every kind. A story that breaks a rule ends the soak with
//! that story.

use anyhow::{Result, bail};
use signalbox_tests::model::strategy::Kind;
use signalbox_tests::model::teller;

/// Few enough that the count moves every few seconds.
const BATCH: u32 = 1_000;
const KINDS: [Kind; 4] = [Kind::Any, Kind::Careless, Kind::Any, Kind::Everyday];

pub fn tell(seed: u64) -> Result<()> {
    let mut told = 0;
    for batch in 0.. {
        let kind = KINDS[usize::try_from(batch % 4).unwrap_or_default()];
        match teller::tell_many(seed + batch, BATCH, kind) {
            Ok(tally) => told += tally.stories,
            Err(broken) => bail!("{kind:?}: {broken}"),
        }
        println!("{told}");
    }
    Ok(())
}
