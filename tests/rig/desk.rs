//! A private desktop: an X server, a session bus, and what a tray app meets there. Tests get stand-ins that record what
//! the app says ([`Desk::bare`]); the demo gets a real window manager, panel and notification daemon
//! ([`Desk::furnished`]). What is in the tray is read in `tray.rs`.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::process::{Running, until, until_blocking};
use crate::stage::kept;

const WATCHER: &str = "org.kde.StatusNotifierWatcher";
const NOTIFICATIONS: &str = "org.freedesktop.Notifications";
const PANEL_XML: &str = include_str!("furniture/xfce4-panel.xml");
const DUNSTRC: &str = include_str!("furniture/dunstrc");

/// A desktop of its own, gone when dropped.
pub struct Desk {
    /// The X display, such as `:99`.
    pub display: String,
    /// The address of the session bus.
    pub bus_address: String,
    /// A connection of the rig's own to it.
    pub bus: zbus::Connection,
    heard: Arc<Mutex<Heard>>,
    // In the order in which they must end: what draws, then the bus, then the display, then what they all write to.
    furniture: Vec<Running>,
    _dbus: Running,
    _xvfb: Running,
    folder: Folder,
}

/// A temporary folder in which processes may still be writing when it is to go: a killed app's WebKit processes end by
/// themselves, a moment later.
struct Folder(PathBuf);

impl Folder {
    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed is left to the system's own tidying; a test must not fail for it.
        let _ = until_blocking("the desk's folder to go", || {
            let gone = std::fs::remove_dir_all(&self.0);
            std::thread::sleep(Duration::from_millis(50));
            (gone.is_ok() && !self.0.exists()).then_some(())
        });
    }
}

/// One notification, as the app sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// The headline.
    pub summary: String,
    /// The text below it.
    pub body: String,
    /// Its actions, each as its key and its words. `default` is a click on the body.
    pub actions: Vec<(String, String)>,
    /// Its number.
    pub id: u32,
}

#[derive(Debug, Default)]
struct Heard {
    items: Vec<(String, Instant)>,
    notifications: Vec<Notification>,
}

impl Desk {
    /// An X server, a bus and a notification daemon that remembers. No tray yet: see [`Desk::watch_tray`].
    ///
    /// # Errors
    /// When Xvfb or dbus-daemon is missing or does not come up.
    pub async fn bare() -> Result<Self> {
        let desk = Self::start().await?;
        desk.bus.object_server().at("/org/freedesktop/Notifications", Daemon(Arc::clone(&desk.heard))).await?;
        desk.bus.request_name(NOTIFICATIONS).await?;
        Ok(desk)
    }

    /// A real desktop for pictures: openbox, xfce4-panel (whose `systray` plugin shows the tray) and dunst.
    ///
    /// # Errors
    /// When one of them is missing or does not come up.
    pub async fn furnished() -> Result<Self> {
        let mut desk = Self::start().await?;
        let panel = desk.folder().join("config/xfce4/xfconf/xfce-perchannel-xml");
        std::fs::create_dir_all(&panel)?;
        std::fs::write(panel.join("xfce4-panel.xml"), PANEL_XML)?;
        std::fs::write(desk.folder().join("dunstrc"), DUNSTRC)?;
        let dunstrc = desk.folder().join("dunstrc");
        desk.furnish("openbox", &[])?;
        desk.furnish("dunst", &["-conf".as_ref(), dunstrc.as_os_str()])?;
        desk.furnish("xfce4-panel", &["--disable-wm-check".as_ref()])?;
        let names = zbus::fdo::DBusProxy::new(&desk.bus).await?;
        for name in [WATCHER, NOTIFICATIONS] {
            until(&format!("{name} on the demo's bus"), async || {
                names.name_has_owner(name.try_into().ok()?).await.ok()?.then_some(())
            })
            .await?;
        }
        Ok(desk)
    }

    async fn start() -> Result<Self> {
        let folder = Folder(tempfile::Builder::new().prefix("signalbox-desk-").tempdir()?.keep());
        for name in ["config", "data", "cache", "run"] {
            std::fs::DirBuilder::new().mode(0o700).create(folder.path().join(name))?;
        }
        // The server picks a free display number itself and says which: a fixed one races with a server that is ending.
        let mut xvfb = private("Xvfb", folder.path());
        xvfb.args(["-displayfd", "1", "-screen", "0", "1280x800x24", "-nolisten", "tcp"]);
        let (xvfb, number) = first_line(&mut xvfb)?;
        let display = format!(":{number}");
        // What the bus starts on demand (the panel's settings daemon) inherits the bus's own variables.
        let mut dbus = private("dbus-daemon", folder.path());
        dbus.env("DISPLAY", &display).args(["--session", "--nofork", "--nopidfile", "--print-address=1"]);
        let (dbus, bus_address) = first_line(&mut dbus)?;
        let bus = zbus::connection::Builder::address(bus_address.as_str()).build().await?;
        Ok(Self {
            display,
            bus_address,
            bus,
            heard: Arc::default(),
            furniture: Vec::new(),
            _dbus: dbus,
            _xvfb: xvfb,
            folder,
        })
    }

    fn furnish(&mut self, program: &str, arguments: &[&OsStr]) -> Result<()> {
        let mut command = self.command(program);
        command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
        self.furniture.push(Running::start(&mut command)?);
        Ok(())
    }

    /// Makes the desk have a tray: from now on it owns the StatusNotifierWatcher.
    ///
    /// # Errors
    /// When the name cannot be had.
    pub async fn watch_tray(&self) -> Result<()> {
        self.bus.object_server().at("/StatusNotifierWatcher", Watcher(Arc::clone(&self.heard))).await?;
        self.bus.request_name(WATCHER).await?;
        Ok(())
    }

    /// A command that sees this desktop and nothing of the one who runs the tests.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = private(program, self.folder.path());
        command.env("DISPLAY", &self.display).env("DBUS_SESSION_BUS_ADDRESS", &self.bus_address);
        command
    }

    /// The notifications so far (of a [`Desk::bare`] one).
    #[must_use]
    pub fn notifications(&self) -> Vec<Notification> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).notifications.clone()
    }

    /// The first notification whose headline contains `words`, once there is one.
    ///
    /// # Errors
    /// When none comes.
    pub async fn notified(&self, words: &str) -> Result<Notification> {
        until(&format!("a notification about \"{words}\""), async || {
            self.notifications().into_iter().find(|each| each.summary.contains(words))
        })
        .await
    }

    /// Presses the button of a notification that says `words` (of a [`Desk::bare`] one).
    ///
    /// # Errors
    /// When there is no such button.
    pub async fn press(&self, notification: &Notification, words: &str) -> Result<()> {
        let button = notification.actions.iter().find(|(_, label)| label == words);
        let (key, _) = button.with_context(|| format!("no button says \"{words}\": {notification:?}"))?;
        let server = self.bus.object_server().interface::<_, Daemon>("/org/freedesktop/Notifications").await?;
        // No person presses within the millisecond in which a program begins to listen; one that has heard it listens no more.
        for _ in 0..15 {
            server.action_invoked(notification.id, key).await?;
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Ok(())
    }

    /// When the icon with this number (from 0, in the order of their coming) was shown, if it was (of a [`Desk::bare`] one).
    #[must_use]
    pub fn icon_shown(&self, number: usize) -> Option<Instant> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).items.get(number).map(|(_, shown)| *shown)
    }

    /// Takes a picture of the whole screen with ImageMagick.
    ///
    /// # Errors
    /// When `import` is missing or fails.
    pub fn picture(&self, file: &Path) -> Result<()> {
        let status = self.command("import").args(["-window", "root"]).arg(file).status();
        let status = status.context("Cannot take a picture: ImageMagick's `import` is missing")?;
        anyhow::ensure!(status.success(), "Cannot take the picture {}", file.display());
        Ok(())
    }

    /// The folder of this desk's own files.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        self.folder.path().to_path_buf()
    }
}

/// A command whose every folder is below `folder`, and which sees no desktop yet.
fn private(program: impl AsRef<OsStr>, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().envs(kept()).env("HOME", folder).stdin(Stdio::null());
    for (name, below) in [
        ("XDG_RUNTIME_DIR", "run"),
        ("XDG_CONFIG_HOME", "config"),
        ("XDG_DATA_HOME", "data"),
        ("XDG_CACHE_HOME", "cache"),
    ] {
        command.env(name, folder.join(below));
    }
    command
        .env("XDG_CURRENT_DESKTOP", "XFCE")
        .env("XDG_SESSION_TYPE", "x11")
        .env("GDK_BACKEND", "x11")
        .env("NO_AT_BRIDGE", "1")
        .env("LIBGL_ALWAYS_SOFTWARE", "1");
    command
}

/// Starts a program that says one line when it is ready.
fn first_line(command: &mut Command) -> Result<(Running, String)> {
    let mut running = Running::start(command.stdout(Stdio::piped()).stderr(Stdio::null()))?;
    let out = running.child().stdout.take().context("Cannot read what it says")?;
    let mut line = String::new();
    BufReader::new(out).read_line(&mut line)?;
    anyhow::ensure!(!line.trim().is_empty(), "{running:?} ended before it was ready");
    Ok((running, line.trim().to_owned()))
}

struct Watcher(Arc<Mutex<Heard>>);

#[zbus::interface(name = "org.kde.StatusNotifierWatcher")]
impl Watcher {
    #[expect(clippy::needless_pass_by_value, reason = "the macro hands the header over by value")]
    fn register_status_notifier_item(&self, #[zbus(header)] header: zbus::message::Header<'_>, service: &str) {
        let sender = header.sender().map(ToString::to_string).unwrap_or_default();
        // An item names either its object's path or its bus name (KDE's and Ayatana's habits).
        let item = if service.starts_with('/') {
            format!("{sender}{service}")
        } else {
            format!("{service}/StatusNotifierItem")
        };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).items.push((item, Instant::now()));
    }

    fn register_status_notifier_host(&self, _service: &str) {}

    #[zbus(property)]
    fn registered_status_notifier_items(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).items.iter().map(|(item, _)| item.clone()).collect()
    }

    #[zbus(property)]
    fn is_status_notifier_host_registered(&self) -> bool {
        true
    }

    #[zbus(property)]
    fn protocol_version(&self) -> i32 {
        0
    }
}

struct Daemon(Arc<Mutex<Heard>>);

#[zbus::interface(name = "org.freedesktop.Notifications")]
impl Daemon {
    #[expect(
        clippy::too_many_arguments,
        clippy::needless_pass_by_value,
        reason = "the Desktop Notifications specification says so"
    )]
    fn notify(
        &self,
        _app: &str,
        _replaces: u32,
        _icon: &str,
        summary: &str,
        body: &str,
        actions: Vec<String>,
        _hints: HashMap<String, zbus::OwnedVariant>,
        _timeout: i32,
    ) -> u32 {
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let id = u32::try_from(heard.notifications.len()).unwrap_or(u32::MAX).saturating_add(1);
        let pairs = actions.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone()));
        let (summary, body, actions) = (summary.to_owned(), body.to_owned(), pairs.collect());
        heard.notifications.push(Notification { summary, body, actions, id });
        id
    }

    #[zbus(signal)]
    async fn action_invoked(emitter: &zbus::object_server::SignalEmitter<'_>, id: u32, key: &str) -> zbus::Result<()>;

    fn close_notification(&self, _id: u32) {}

    fn get_capabilities(&self) -> Vec<String> {
        vec!["body".to_owned(), "actions".to_owned()]
    }

    fn get_server_information(&self) -> (String, String, String, String) {
        ("signalbox-rig".to_owned(), "tests".to_owned(), "1".to_owned(), "1.2".to_owned())
    }
}
