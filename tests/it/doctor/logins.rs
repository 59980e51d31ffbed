//! The logins: damaged, gone, half switched, put aside, ended, ending soon.

use std::fs;

use serde_json::json;
use signalbox_core::credential::{Live, Login};
use signalbox_core::document::Document;
use signalbox_core::journal;
use signalbox_core::ports::Ports;
use signalbox_core::profile::Alias;
use signalbox_core::vault;

use super::Ward;

fn live_login(ports: &Ports) -> (Login, Document) {
    let document = ports.live.read().expect("readable").expect("there");
    let Ok(Live::Login(login)) = Live::parse(&document) else { panic!("a login") };
    (login, document)
}

/// A switch from `work` to `personal` that died right before it touched the live store.
fn interrupt(ward: &Ward) {
    let ports = ward.ports();
    let alias = |text| Alias::parse(text).expect("an alias");
    let (login, document) = live_login(&ports);
    let incoming = vault::header(&ports, &alias("personal")).expect("readable").expect("there").fingerprint;
    let (from, to) = ((Some(alias("work")), Some(login.fingerprint())), (alias("personal"), incoming));
    journal::begin(&ports, from, to, Some(&document)).expect("written");
}

#[test]
fn an_interrupted_switch_is_ended_by_the_printed_command_and_by_fix() {
    let ward = Ward::healthy();
    interrupt(&ward);
    ward.cured_by_its_command("interrupted-switch");
    interrupt(&ward);
    ward.cured_by_fix("interrupted-switch");
    assert!(ward.stage.live_is("work"));
}

#[test]
fn an_interrupted_switch_that_cannot_be_ended_is_said_to_be_left() {
    let ward = Ward::healthy();
    interrupt(&ward);
    let lock = ward.home().join(".claude/.oauth_refresh.lock");
    fs::write(&lock, "").expect("written");
    let fixed = ward.fix();
    let finding = fixed.of("interrupted-switch")[0];
    assert_eq!(finding["mended"], false);
    let why = finding["notMended"].as_str().expect("a reason");
    assert!(why.contains(".oauth_refresh.lock is a file"), "{why}");
    fs::remove_file(lock).expect("removed");
    ward.cured_by_fix("interrupted-switch");
}

#[test]
fn a_login_that_is_put_aside_comes_home_by_the_printed_command() {
    let ward = Ward::healthy();
    let ports = ward.ports();
    vault::hold(&ports, &live_login(&ports).0, None).expect("held");
    ward.cured_by_its_command("put-aside");
}

#[test]
fn a_damaged_list_of_profiles_is_made_anew_by_the_printed_command() {
    let ward = Ward::healthy();
    fs::write(ward.stage.home.data().join("roster.json"), "{").expect("damaged");
    ward.cured_by_its_command("roster");
    for alias in ["personal", "work"] {
        ward.stage.signalbox(&["use", alias]).expect("a switch");
        assert!(ward.stage.live_is(alias));
    }
}

#[test]
fn a_damaged_saved_login_is_found_until_it_is_signed_in_again() {
    let ward = Ward::healthy();
    fs::write(ward.stage.home.data().join("creds/personal.cred"), "garbage").expect("damaged");
    let found = ward.look();
    let what = found.only("saved-login")["what"].as_str().expect("text").to_owned();
    assert!(what.starts_with("Cannot switch to personal: the saved login of `personal` cannot be opened"), "{what}");
    ward.stage.sign_in("personal").expect("a sign-in");
    ward.stage.signalbox(&["refresh"]).expect("saved");
    // The damaged one is kept beside it, until a person moves it away.
    ward.cured_by_its_command("aside-unreadable");
}

#[test]
fn a_damaged_older_login_is_moved_aside_by_the_printed_command() {
    let ward = Ward::healthy();
    ward.stage.sign_in("work").expect("a second sign-in");
    ward.stage.signalbox(&["refresh"]).expect("saved");
    let creds = ward.stage.home.data().join("creds");
    let older = creds.join("work.cred.0");
    assert!(older.is_file(), "the first sign-in is kept");
    fs::write(&older, "garbage").expect("damaged");
    ward.cured_by_its_command("older-login");
    assert!(creds.join("work.cred.0.damaged").is_file(), "nothing was deleted");
}

#[test]
fn a_lost_key_is_one_finding_and_a_new_start_mends_it() {
    let ward = Ward::healthy();
    fs::remove_file(ward.stage.home.data().join("vault.key")).expect("lost");
    let found = ward.look();
    assert_eq!(found.kinds(), ["vault-key"], "{:#?}", found.findings);
    let command = found.only("vault-key")["command"].as_str().expect("a command").to_owned();
    ward.run(&command);
    assert_eq!(ward.look().kinds(), ["unregistered"], "the live login can be registered anew");
    ward.stage.signalbox(&["add", "work"]).expect("registered");
    assert!(ward.look().clean);
}

#[test]
fn a_damaged_live_login_is_found_and_nothing_is_done_to_it() {
    let ward = Ward::healthy();
    let store = ward.stage.home.store();
    let good = fs::read(&store).expect("a login");
    fs::write(&store, &good[..good.len() / 2]).expect("damaged");
    let damaged = fs::read(&store).expect("readable");
    ward.fix().only("live-login");
    assert_eq!(fs::read(&store).expect("readable"), damaged);
    fs::write(&store, good).expect("mended");
    assert!(ward.look().clean);
}

#[test]
fn a_profile_that_has_to_be_signed_in_again_keeps_the_doctor_from_calling_it_well() {
    let ward = Ward::empty();
    let login = ward.stage.seed("personal").expect("a profile").login;
    ward.stage.seed("work").expect("a profile");
    assert!(ward.stage.sim.end_login(login));
    ward.stage.signalbox(&["use", "personal"]).expect_err("it has ended");
    let found = ward.look();
    assert_eq!(found.only("login-needed")["what"], "personal has to be signed in again");
    ward.stage.sign_in("personal").expect("a sign-in");
    ward.stage.signalbox(&["refresh"]).expect("saved");
    assert!(ward.look().clean);
}

#[test]
fn a_deadline_that_is_near_is_a_note() {
    let ward = Ward::healthy();
    let mut store = ward.stage.home.live().expect("a store");
    let mut login = store.value("claudeAiOauth").expect("a login");
    login["refreshTokenExpiresAt"] = json!(ward.stage.sim.now_ms() + 3 * 86_400_000 + 60_000);
    // Other tokens, so that it is saved anew.
    let (_, refresh) = ward.stage.home.live_pair().expect("a pair");
    let tokens = ward.stage.sim.refresh(&refresh).expect("renewed");
    login["accessToken"] = json!(tokens.access_token);
    login["refreshToken"] = json!(tokens.refresh());
    store.set("claudeAiOauth", &login);
    fs::write(ward.stage.home.store(), store.text()).expect("written");
    assert_eq!(ward.look().only("unsaved")["severity"], "note");
    ward.cured_unsaved();
    let found = ward.look();
    assert!(found.clean);
    assert_eq!(found.only("deadline-near")["what"], "work: login ends in 3 days");
}

impl Ward {
    /// A note has a command too.
    fn cured_unsaved(&self) {
        let command = self.look().only("unsaved")["command"].as_str().expect("a command").to_owned();
        self.run(&command);
        assert!(self.look().of("unsaved").is_empty());
    }
}

#[test]
fn a_signed_out_claude_code_is_found_until_a_profile_is_used() {
    let ward = Ward::healthy();
    fs::remove_file(ward.stage.home.store()).expect("signed out");
    assert_eq!(ward.look().only("signed-out")["what"], "Claude Code is signed out");
    ward.stage.signalbox(&["use", "work"]).expect("signed in again");
    assert!(ward.look().clean);
}

#[test]
fn a_live_login_that_is_no_profile_is_found_until_it_is_registered() {
    let ward = Ward::empty();
    ward.stage.sign_in("side").expect("a sign-in");
    assert_eq!(ward.look().only("unregistered")["what"], "hello@tinyfoundry.example is live, which is no profile yet");
    ward.stage.signalbox(&["add", "side"]).expect("registered");
    assert!(ward.look().clean);
}

#[test]
fn fix_touches_no_login_whatever_is_broken() {
    let ward = Ward::healthy();
    let data = ward.stage.home.data();
    fs::write(data.join("creds/personal.cred"), "garbage").expect("damaged");
    fs::write(ward.home().join(".claude.lock"), "").expect("written");
    let ports = ward.ports();
    vault::hold(&ports, &live_login(&ports).0, None).expect("held");
    let kept = |name: &str| {
        let folder = data.join(name);
        let entries = fs::read_dir(folder).expect("a folder").flatten();
        let mut files: Vec<_> = entries.map(|entry| (entry.path(), fs::read(entry.path()).expect("a file"))).collect();
        files.sort();
        files
    };
    let before = (kept("creds"), kept("held"), fs::read(ward.stage.home.store()).expect("a login"));
    let fixed = ward.fix();
    assert!(!fixed.clean && fixed.findings.iter().all(|finding| finding["mended"] == false), "{:#?}", fixed.findings);
    assert_eq!((kept("creds"), kept("held"), fs::read(ward.stage.home.store()).expect("a login")), before);
}
