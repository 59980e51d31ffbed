//! What a person types while a sign-in goes on: the code from a browser elsewhere, an answer, or Ctrl-C. Owns reading it beside the wait,
//! by one reader for all of it, so that no line is lost between two questions.

use std::io::BufRead as _;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// The terminal, or nobody at it.
pub struct Typed {
    runtime: Runtime,
    interrupt: Signal,
    terminate: Signal,
    lines: Option<UnboundedReceiver<String>>,
}

/// What ended a wait.
pub enum Heard {
    /// The time is over.
    Nothing,
    Line(String),
    /// Ctrl-C, or being told to end.
    Stop,
}

impl Typed {
    /// `listens`: a person sits there.
    pub fn new(listens: bool) -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (interrupt, terminate) = {
            let _inside = runtime.enter();
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
        };
        let lines = if listens { Some(reader()?) } else { None };
        Ok(Self { runtime, interrupt, terminate, lines })
    }

    /// Listens for so long; `None`: until something is heard.
    pub fn listen(&mut self, patience: Option<Duration>) -> Heard {
        let Self { runtime, interrupt, terminate, lines } = self;
        runtime.block_on(async {
            let time = async {
                match patience {
                    Some(patience) => tokio::time::sleep(patience).await,
                    None => std::future::pending().await,
                }
            };
            let line = async {
                match lines {
                    Some(lines) => lines.recv().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = time => Heard::Nothing,
                line = line => match line {
                    Some(line) => Heard::Line(line),
                    // The terminal is gone, and with it whoever could answer.
                    None => Heard::Stop,
                },
                _ = interrupt.recv() => Heard::Stop,
                _ = terminate.recv() => Heard::Stop,
            }
        })
    }
}

/// Lines as they are typed. The thread ends with the process: nothing can wake it from its read.
fn reader() -> std::io::Result<UnboundedReceiver<String>> {
    let (send, lines) = unbounded_channel();
    std::thread::Builder::new().name("typed".to_owned()).spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { return };
            if send.send(line.trim().to_owned()).is_err() {
                return;
            }
        }
    })?;
    Ok(lines)
}
