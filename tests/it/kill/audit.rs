//! The judge of the kill test: under our own lock, with Claude Code at rest, every login that the server considers
//! alive is live, saved, put aside or in the journal, and every file is whole. Looks with the adapters themselves,
//! through a Signalbox of its own that takes part in no switch.

use std::path::PathBuf;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use provider_sim::{Endpoint, LoginState};
use serde_json::Value;
use signalbox_core::credential::{Fingerprint, Live, Login};
use signalbox_core::document::Document;
use signalbox_core::journal;
use signalbox_core::ports::{OwnLock, Ports};
use signalbox_core::vault::{self, generations};
use signalbox_machine::assemble;
use signalbox_machine::surroundings::Surroundings;
use signalbox_tests::stage::{Profile, Stage};

use super::Figures;

/// Looks, and changes nothing but what taking our own lock changes.
pub struct Audit {
    ports: Ports,
    surroundings: Surroundings,
}

/// What was found.
pub struct Finding {
    /// Profiles whose newest login is nowhere.
    pub lost: Vec<usize>,
    /// Fingerprints (the server's) of the newest refresh tokens that we have: those of older generations are left out.
    pub refresh_tokens: Vec<String>,
    pub journal_open: bool,
    pub put_aside: bool,
}

/// A login that was found.
struct Kept {
    pair: Fingerprint,
    refresh: Option<String>,
    /// Not one of the older generations.
    newest: bool,
}

impl Kept {
    fn of(login: Login) -> Self {
        let pair = login.fingerprint();
        let refresh = login.into_spending().map(|(token, _)| provider_sim::fingerprint(token.expose()));
        Self { pair, refresh, newest: true }
    }
}

impl Audit {
    pub fn of(stage: &Stage) -> Result<Self> {
        let base = Some(stage.home.api_base().into());
        let surroundings = Surroundings {
            data_dir: Some(stage.home.data().into_os_string()),
            api_base: base.clone(),
            token_base: base,
            ..Surroundings::at_home(stage.home.path())
        };
        Ok(Self { ports: assemble::ports(&surroundings, "cli")?, surroundings })
    }

    pub fn ports(&self) -> &Ports {
        &self.ports
    }

    /// The lock folders of Claude Code's that stand there now.
    pub fn lock_folders(&self) -> Vec<PathBuf> {
        let legacy = self.surroundings.legacy_refresh_lock();
        let near = [
            self.surroundings.refresh_lock(),
            self.surroundings.storage_write_lock(),
            self.surroundings.account_lock(),
        ];
        near.into_iter().chain(legacy).filter(|path| path.exists()).collect()
    }

    /// Our own lock, and with it the removal of what a dead process of ours left.
    pub fn enter(&self) -> Result<OwnLock> {
        self.ports.locks.own("audit").context("our own lock")
    }

    /// How many lock folders one of these processes noted as its own.
    pub fn noted_by(&self, pids: &[u32]) -> usize {
        let notes = std::fs::read_dir(self.surroundings.data_folder().join("locks"));
        let pid =
            |path: PathBuf| serde_json::from_slice::<Value>(&std::fs::read(path).ok()?).ok()?["holder"]["pid"].as_u64();
        let noted = notes.into_iter().flatten().flatten().filter_map(|entry| pid(entry.path()));
        noted.filter(|noted| pids.iter().any(|pid| u64::from(*pid) == *noted)).count()
    }

    /// Removes what is left without proof, as time would, and says how much that was. Nobody holds a lock now.
    pub fn outwait(&self, _own: &OwnLock) -> Result<u64> {
        let left = self.lock_folders();
        for path in &left {
            std::fs::remove_dir(path).with_context(|| path.display().to_string())?;
        }
        Ok(left.len() as u64)
    }

    /// Waits until the server has dealt with what the dead had asked. A request may lie in its socket a little longer
    /// than they lived.
    pub fn let_the_server_settle(stage: &Stage) {
        let seen =
            || (stage.sim.count(Endpoint::Any), stage.sim.requests().iter().filter(|r| r.status.is_some()).count());
        let mut last = seen();
        loop {
            sleep(Duration::from_millis(4));
            let now = seen();
            if now == last {
                return;
            }
            last = now;
        }
    }

    /// Everything that has to be true of the files, and which profiles' logins are lost.
    pub fn look(&self, _own: &OwnLock, stage: &Stage, profiles: &[Profile]) -> Result<Finding> {
        ensure!(stage.home.siblings_are_untouched().context("the live login's file")?, "a sibling changed");
        let (access, refresh) = stage.home.live_pair().context("the live login")?;
        let whose = stage.sim.owner(&access).context("the server does not know the live login")?;
        ensure!(stage.sim.owner(&refresh) == Some(whose), "the live login is put together of two");
        let mut kept = vec![Kept::of(login_in(&self.ports.live.read()?.context("no live login")?)?)];
        let journal = match journal::unfinished(&self.ports)? {
            None => None,
            Some(journal) => Some(journal.map_err(|why| anyhow::anyhow!("the journal: {why}"))?),
        };
        if let Some(replaced) = journal.as_ref().and_then(|journal| journal.replaced.as_ref()) {
            kept.push(Kept::of(login_in(replaced).context("in the journal")?));
        }
        let held = vault::held(&self.ports)?;
        let put_aside = !held.is_empty();
        kept.extend(held.into_iter().map(|held| Kept::of(held.login)));
        kept.extend(self.saved(stage, profiles)?);
        let mut lost = Vec::new();
        for (number, profile) in profiles.iter().enumerate() {
            let newest = stage.newest_fingerprint(profile.login)?;
            if !kept.iter().any(|kept| kept.pair.to_string() == newest) {
                lost.push(number);
            } else if stage.sim.state(profile.login) != Some(LoginState::Alive) {
                let state = stage.sim.state(profile.login);
                bail!("the login of {} is {state:?}, though its newest pair was saved", profile.alias);
            }
        }
        let refresh_tokens = kept.into_iter().filter(|kept| kept.newest).filter_map(|kept| kept.refresh).collect();
        Ok(Finding { lost, refresh_tokens, journal_open: journal.is_some(), put_aside })
    }

    /// Every saved login, each opened under its own identity and of its own account by the server's word.
    fn saved(&self, stage: &Stage, profiles: &[Profile]) -> Result<Vec<Kept>> {
        let roster = vault::load_roster(&self.ports)?;
        let mut saved = Vec::new();
        for Profile { alias, .. } in profiles {
            let profile = roster.profiles().iter().find(|profile| profile.alias.as_str() == alias);
            let profile = profile.with_context(|| format!("`{alias}` is no profile any more"))?;
            let mut all = vec![vault::open(&self.ports, profile).with_context(|| format!("the .cred of `{alias}`"))?];
            for number in generations::numbers(&self.ports, &profile.alias)? {
                all.push(
                    generations::open(&self.ports, profile, number)
                        .with_context(|| format!("{alias}.cred.{number}"))?,
                );
            }
            let mut first = true;
            for opened in all {
                let login = opened.login.value();
                let whose = stage.sim.owner(login.access().expose()).and_then(|login| stage.sim.report(login));
                ensure!(whose.is_some_and(|whose| whose.account == *alias), "`{alias}` holds another's login");
                saved.push(Kept { newest: first, ..Kept::of(opened.login.into_value()) });
                first = false;
            }
        }
        Ok(saved)
    }
}

fn login_in(document: &Document) -> Result<Login> {
    match Live::parse(document)? {
        Live::Login(login) => Ok(login),
        Live::Husk => bail!("a husk"),
        Live::Absent => bail!("signed out"),
    }
}

impl Finding {
    pub fn note(&self, figures: &mut Figures) {
        figures.journals += u64::from(self.journal_open);
        figures.put_aside += u64::from(self.put_aside);
    }
}
