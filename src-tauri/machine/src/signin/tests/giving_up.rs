//! Giving an attempt up at every moment: who is told to end, who is left alone, and when the folder goes.

use super::*;

#[test]
fn a_child_that_was_given_up_ends_and_its_folder_goes() {
    let rig = Rig::new();
    let signin = rig.signin(&format!("{ASK}; read code"));
    signin.start(&id(), None).expect("started");
    page(&signin);
    let begun = Instant::now();
    assert_eq!(signin.discard(&id()), Ok(()));
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    assert_eq!(signin.attempts(), Ok(Vec::new()));
    until("the folder to go", || (rig.left() == 0).then_some(()));
}

#[test]
fn a_child_that_was_given_up_before_it_asked_for_anything_ends() {
    let rig = Rig::new();
    let signin = rig.signin("while :; do sleep 0.05; done");
    signin.start(&id(), None).expect("started");
    assert_eq!(signin.look(&id()), Ok(Progress::Starting));
    assert_eq!(signin.discard(&id()), Ok(()));
    until("the folder to go", || (rig.left() == 0).then_some(()));
}

#[test]
fn a_child_that_lingers_keeps_nobody_waiting_and_is_hidden_until_it_has_gone() {
    let rig = Rig::new();
    let signin =
        rig.signin(&format!("trap 'echo term >>seen.term' TERM; {ASK}; while [ ! -e go ]; do sleep 0.02; done"));
    signin.start(&id(), None).expect("started");
    page(&signin);
    let begun = Instant::now();
    assert_eq!(signin.discard(&id()), Ok(()));
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    rig.seen("seen.term");
    for signin in [&signin, &rig.again()] {
        assert_eq!(signin.attempts(), Ok(Vec::new()));
        assert_eq!(signin.look(&id()), Ok(Progress::Ended { said: None }));
        assert_eq!(signin.answer(&id(), "abc#def"), Err(SigninError::NotAsking));
        assert_eq!(signin.stored(&id()).map(|stored| stored.is_none()), Ok(true));
        assert_eq!(signin.block(&id()).map(drop), None);
    }
    assert!(rig.folder().exists(), "it would be made anew under this name");
    std::fs::write(rig.folder().join("go"), "").expect("written");
    until("the folder to go", || (rig.left() == 0).then_some(()));
}

#[test]
fn a_child_that_may_be_storing_is_left_to_end_by_itself() {
    let rig = Rig::new();
    let stores = store(LOGIN);
    let signin =
        rig.signin(&format!("{ASK}; {stores}\necho >stored; while [ ! -e go ]; do sleep 0.02; done; echo >left-alone"));
    signin.start(&id(), None).expect("started");
    rig.seen("stored");
    let text = signin.stored(&id()).expect("readable").expect("a login").expose().to_owned();
    assert_eq!(text, format!("{LOGIN}\n"));
    assert!(matches!(signin.look(&id()), Ok(Progress::Waiting { .. })), "it may be storing more");
    assert_eq!(signin.discard(&id()), Ok(()));
    assert_eq!(rig.again().attempts(), Ok(Vec::new()));
    assert!(running::is_running(&rig.folder()), "nobody told it to end");
    std::fs::write(rig.folder().join("go"), "").expect("written");
    until("the folder to go", || (rig.left() == 0).then_some(()));
}

#[test]
fn what_a_dead_process_gave_up_is_ended_and_removed_by_the_next_one() {
    let rig = Rig::new();
    // The first word is lost on it, as if we had died before we said it.
    let signin = rig.signin(&format!("trap 'trap - TERM; echo >seen.term' TERM; {ASK}; while :; do sleep 0.02; done"));
    let (other, folder) = (rig.again(), rig.folder());
    signin.start(&id(), None).expect("started");
    page(&signin);
    signin.discard(&id()).expect("given up");
    rig.seen("seen.term");
    until("the folder to go", || {
        assert_eq!(other.attempts(), Ok(Vec::new()));
        (!folder.exists()).then_some(())
    });
}
