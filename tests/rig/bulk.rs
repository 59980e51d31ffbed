//! Many profiles at once, for the benchmark. Each is registered by the real CLI after a sign-in of its own, as a person
//! would do it, so that what is measured afterwards is what people get.

use anyhow::Result;
use provider_sim::Account;

use crate::stage::Stage;

/// Registers profiles until there are `count`: `p0000`, `p0001`, … The last one is live.
///
/// # Errors
/// When a registration fails.
pub fn register(stage: &Stage, already: usize, count: usize) -> Result<()> {
    for number in already..count {
        let alias = alias(number);
        stage.sim.add_account(Account::new(&alias, &format!("{alias}@example.org")));
        stage.sign_in(&alias)?;
        stage.signalbox(&["add", &alias, "--yes"])?;
    }
    Ok(())
}

/// The alias of the profile with this number.
#[must_use]
pub fn alias(number: usize) -> String {
    format!("p{number:04}")
}
