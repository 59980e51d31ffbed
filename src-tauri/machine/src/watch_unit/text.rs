//! The text of the two units. Owns their settings and the quoting of what comes from outside; leaves where they lie
//! and who reads them to the module above.
//!
//! Neither system may end a child of ours: a `claude` that renews a login may hold the only copy of it
//! (`docs/observed.md` §3). Both tell the program itself to end, and wait for longer than it needs.

use std::fmt::Write as _;
use std::path::Path;

/// Longer than quitting waits for work in flight.
const STOP_S: u32 = 90;
/// Between a failure and the next start.
const RESTART_S: u32 = 30;

/// A unit for `~/.config/systemd/user`. The values hold no control character.
pub(super) fn systemd(binary: &Path, environment: &[(&str, String)]) -> String {
    let mut unit = String::from(
        "# Written by `signalbox watch --install`; `signalbox watch --uninstall` takes it away.\n\
         [Unit]\n\
         Description=Signalbox keeps watch over Claude Code's login\n\n\
         [Service]\n",
    );
    let binary = quoted(&binary.to_string_lossy()).replace('$', "$$");
    let mut line = |text: &str| {
        unit.push_str(text);
        unit.push('\n');
    };
    line(&format!("ExecStart={binary} watch --wait"));
    for (name, value) in environment {
        line(&format!("Environment={}", quoted(&format!("{name}={value}"))));
    }
    line("Restart=on-failure");
    line(&format!("RestartSec={RESTART_S}"));
    line("# A `claude` that renews a login must come to its end: only the program itself is told to stop.");
    line("KillMode=process");
    line(&format!("TimeoutStopSec={STOP_S}"));
    line("Nice=5");
    line("NoNewPrivileges=yes");
    line("RestrictRealtime=yes");
    line("UMask=0077");
    line("\n[Install]\nWantedBy=default.target");
    unit
}

/// A quoted word of a unit's line, in which `%` would be a specifier.
fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%");
    format!("\"{escaped}\"")
}

/// A property list for `~/Library/LaunchAgents`. The values hold no control character.
pub(super) fn launchd(label: &str, binary: &Path, environment: &[(&str, String)], home: &Path) -> String {
    let mut entries = String::new();
    for (name, value) in environment {
        let (name, value) = (escaped(name), escaped(value));
        writeln!(entries, "    <key>{name}</key><string>{value}</string>").expect("text takes everything");
    }
    let binary = escaped(&binary.to_string_lossy());
    let log = escaped(&home.join("Library/Logs/signalbox-watch.log").to_string_lossy());
    let label = escaped(label);
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<!-- Written by `signalbox watch -install`; `signalbox watch -uninstall` takes it away (each with two hyphens). -->
<plist version="1.0">
<dict>
  <key>Label</key><string>{label}</string>
  <key>ProgramArguments</key>
  <array><string>{binary}</string><string>watch</string><string>--wait</string></array>
  <key>EnvironmentVariables</key>
  <dict>
{entries}  </dict>
  <key>RunAtLoad</key><true/>
  <key>KeepAlive</key><dict><key>SuccessfulExit</key><false/></dict>
  <key>ThrottleInterval</key><integer>{RESTART_S}</integer>
  <key>ExitTimeOut</key><integer>{STOP_S}</integer>
  <key>AbandonProcessGroup</key><true/>
  <key>ProcessType</key><string>Background</string>
  <key>Nice</key><integer>5</integer>
  <key>Umask</key><integer>63</integer>
  <key>StandardOutPath</key><string>/dev/null</string>
  <key>StandardErrorPath</key><string>{log}</string>
</dict>
</plist>
"#
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_quotes_what_comes_from_outside() {
        let environment = [("SIGNALBOX_DATA_DIR", r#"/a b/50%/"x"\y"#.to_owned())];
        let unit = systemd(Path::new("/opt/$x/50%/signalbox"), &environment);
        assert!(unit.contains("ExecStart=\"/opt/$$x/50%%/signalbox\" watch --wait\n"), "{unit}");
        assert!(unit.contains(r#"Environment="SIGNALBOX_DATA_DIR=/a b/50%%/\"x\"\\y""#), "{unit}");
    }

    #[test]
    fn neither_system_ends_a_child_of_ours() {
        let unit = systemd(Path::new("/s"), &[]);
        assert!(unit.contains("KillMode=process\nTimeoutStopSec=90\n"), "{unit}");
        let agent = launchd("dev.signalbox.watch", Path::new("/s"), &[], Path::new("/Users/u"));
        for setting in ["<key>AbandonProcessGroup</key><true/>", "<key>ExitTimeOut</key><integer>90</integer>"] {
            assert!(agent.contains(setting), "{agent}");
        }
    }

    #[test]
    fn an_agent_escapes_what_comes_from_outside() {
        let environment = [("CLAUDE_CONFIG_DIR", "/a&b/<c>".to_owned())];
        let agent = launchd("dev.signalbox.watch", Path::new("/Apps & more/signalbox"), &environment, Path::new("/U"));
        assert!(agent.contains("<string>/Apps &amp; more/signalbox</string><string>watch</string>"), "{agent}");
        assert!(agent.contains("<key>CLAUDE_CONFIG_DIR</key><string>/a&amp;b/&lt;c&gt;</string>"), "{agent}");
        let comment = agent.split("<!--").nth(1).and_then(|rest| rest.split("-->").next()).expect("a comment");
        assert!(!comment.contains("--"), "two hyphens may not stand in a comment: {comment}");
    }
}
