//! The story on the person's own desktop: the app opens there on simulated logins and stays until Ctrl-C or Quit. The
//! person clicks; this program watches the files and the server, and says in plain words what came of each click.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use signalbox_tests::process::{Running, program, until};

use crate::cast::{Cast, short};
use crate::narrator::Narrator;

/// Tells it. `false`: a claim did not hold.
pub async fn tell(folder: &Path) -> Result<bool> {
    std::fs::create_dir_all(folder)?;
    let mut tell = Narrator::begin(
        "Signalbox, on logins that are not real. Play with it: click profiles in the tray's menu, open the board, press Switch. \
         Whatever you do is checked against the server and told here.",
    );
    let mut cast = Cast::assemble(folder, &mut tell)?;
    tell.step("Two Claude Codes go to work, and rotate the live login every dozen seconds.");
    cast.start_sessions(folder)?;
    tell.step("Signalbox opens on your desktop: look for its icon in the panel or menu bar.");
    tell.say("Ctrl-C ends the demo. Your real login is not touched: everything lives in target/demo/home.");
    let mut app = Running::start(&mut app_command(&cast)?)?;
    let mut live = "work".to_owned();
    loop {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => break,
            () = tokio::time::sleep(Duration::from_millis(200)) => {}
        }
        if let Some(status) = app.ended() {
            tell.claim("Signalbox was quit, and ended well.", status.success());
            break;
        }
        let now = cast.profiles().into_iter().find(|profile| cast.stage.live_is(&profile.alias));
        if let Some(now) = now.filter(|now| now.alias != live) {
            told_switch(&cast, &live, &now.alias, &mut tell).await?;
            live.clone_from(&now.alias);
        }
    }
    drop(app);
    tell.step("The end.");
    tell.claim("All three logins are alive. No spent token was ever presented.", cast.all_alive());
    Ok(tell.end("That was Signalbox."))
}

async fn told_switch(cast: &Cast, from: &str, to: &str, tell: &mut Narrator) -> Result<()> {
    tell.step(&format!("You switched from {from} to {to}."));
    let Some(left) = cast.profiles().into_iter().find(|profile| profile.alias == from) else { return Ok(()) };
    let (newest, saved) = (cast.stage.newest_fingerprint(left.login)?, cast.stage.home.cred(from)?.fingerprint);
    tell.claim(
        &format!("{from}'s newest pair on the server is {}, and {from}.cred holds {}.", short(&newest), short(&saved)),
        cast.newest_is_saved(left),
    );
    let (_, asked) = cast.asking();
    let followed = until("the Claude Codes to follow", async || {
        let (account, now) = cast.asking();
        (account.as_deref() == Some(to) && now > asked).then_some(())
    })
    .await;
    // The person may have clicked again meanwhile; then the next step tells of that.
    if cast.stage.live_is(to) {
        tell.expect(&format!("The running Claude Codes work as {to} now. Nobody restarted them."), followed);
    }
    Ok(())
}

/// The app with the person's own desktop, but the demo's home and none of the variables that steer Claude Code.
fn app_command(cast: &Cast) -> Result<Command> {
    cast.stage.home.agree_to_terms()?;
    let mut command = Command::new(program("signalbox-app")?);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if ["ANTHROPIC_", "CLAUDE_", "SIGNALBOX_"].iter().any(|prefix| text.starts_with(prefix)) {
            command.env_remove(&name);
        }
    }
    // The X server's cookie is looked for in the home that is being replaced.
    if std::env::var_os("XAUTHORITY").is_none()
        && let Some(home) = std::env::var_os("HOME")
    {
        command.env("XAUTHORITY", Path::new(&home).join(".Xauthority"));
    }
    command.envs(cast.stage.home.environment()).stdin(Stdio::null());
    let log = std::fs::File::create(cast.stage.home.path().join("app.log")).context("Cannot keep the app's log")?;
    command.stdout(log.try_clone()?).stderr(log);
    Ok(command)
}
