//! Child processes that never outlive their test, the programs under test, and waiting for a condition instead of for a
//! time. What the children do is up to the rig that starts them.

use std::fmt;
use std::future::Future;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How long any rig waits for a condition before it gives up: long enough for a busy two-core machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A child process that is killed and reaped when this is dropped.
pub struct Running {
    name: String,
    child: Child,
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (pid {})", self.name, self.child.id())
    }
}

impl Running {
    /// Starts `command`.
    ///
    /// # Errors
    /// When the program does not exist or cannot be started; the message names it.
    pub fn start(command: &mut Command) -> Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        let child = command
            .spawn()
            .with_context(|| format!("Cannot start {name} (`make install-deps` installs what is missing)"))?;
        Ok(Self { name, child })
    }

    /// The process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The child itself, for its pipes.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Ends it as a crash does (SIGKILL), and reaps it.
    pub fn kill(&mut self) {
        // It may have ended by itself; then there is nothing to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A program that this workspace builds (`signalbox`, `signalbox-app`, `claude-sim`), beside the running one.
///
/// # Errors
/// When it has not been built. A missing program is a failure, never a reason to skip.
pub fn program(name: &str) -> Result<PathBuf> {
    let own = std::env::current_exe().context("Cannot tell where this program is")?;
    let folder = own.ancestors().skip(1).find(|folder| !folder.ends_with("deps"));
    let Some(folder) = folder else { bail!("Cannot tell where {} was built", own.display()) };
    let path = folder.join(name);
    if !path.is_file() {
        bail!(
            "Cannot find {}: build it first (`make build`; `make test`, `make demo` and `make bench` do)",
            path.display()
        );
    }
    Ok(path)
}

/// Waits until `condition` yields something, asking every 15 ms.
///
/// # Errors
/// When it did not within [`PATIENCE`]; the message says what was waited for.
pub async fn until<T, F: Future<Output = Option<T>>>(what: &str, condition: impl FnMut() -> F) -> Result<T> {
    within(PATIENCE, what, condition).await
}

/// As [`until`], with a limit of its own.
///
/// # Errors
/// When the condition did not come true in time.
pub async fn within<T, F: Future<Output = Option<T>>>(
    limit: Duration,
    what: &str,
    mut condition: impl FnMut() -> F,
) -> Result<T> {
    let begun = Instant::now();
    loop {
        if let Some(value) = condition().await {
            return Ok(value);
        }
        if begun.elapsed() > limit {
            bail!("Waited {} s in vain for {what}", limit.as_secs());
        }
        tokio::time::sleep(Duration::from_millis(15)).await;
    }
}

/// As [`until`], for code without a runtime.
///
/// # Errors
/// When the condition did not come true within [`PATIENCE`].
pub fn until_blocking<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> Result<T> {
    let begun = Instant::now();
    loop {
        if let Some(value) = condition() {
            return Ok(value);
        }
        if begun.elapsed() > PATIENCE {
            bail!("Waited {} s in vain for {what}", PATIENCE.as_secs());
        }
        std::thread::sleep(Duration::from_millis(15));
    }
}

/// A TCP port that is free at the moment.
///
/// # Errors
/// When loopback has none.
pub fn free_port() -> Result<u16> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").context("Cannot find a free port")?;
    Ok(listener.local_addr().context("Cannot find a free port")?.port())
}
