//! The Rotate wizard: the window that leads a person through a sign-in. An ordinary window, made when it is opened and gone, with its
//! WebView, when it is closed; a sign-in that is under way goes on without it. Owns the window, what it was opened for, and what its
//! page may ask for. Leaves the steps to `signalbox_core::rotate`, which the engine takes, and opening the page of a sign-in to
//! `pages`.

mod pages;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use signalbox_core::board::Board;
use signalbox_core::bootstrap::{Choice, PRESS_WARNING};
use signalbox_core::error::{Code, Doing, NextStep, Problem};
use signalbox_core::flow::FlowError;
use signalbox_core::ports::Ports;
use signalbox_core::profile::Alias;
use signalbox_core::rotate::{self, Finished, Found, Rotation, Step};
use signalbox_core::signin;
use signalbox_core::time::Timestamp;
use signalbox_warden::{EngineHandle, Taken, Turn};
use tauri::{AppHandle, Emitter, Manager, Runtime};

use crate::dto::AliasText;
use crate::page_window::PageWindow;

pub use pages::{OpensPages, OwnBrowsers, Place, own_window};

/// The window's label, which the capability file names too.
pub const LABEL: &str = "rotate";
static WINDOW: PageWindow = PageWindow {
    label: LABEL,
    page: "rotate.html",
    title: "Signalbox \u{2014} Sign In",
    size: (480.0, 560.0),
    size_min: (420.0, 400.0),
};
/// Makes the page ask again what it is wanted for.
const WANTED_EVENT: &str = "rotate-wanted";
const BOARD_EVENT: &str = "board";

/// What the window is opened for: one profile, all that are due, or (neither) an account that is no profile yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Wanted {
    alias: Option<Alias>,
    due: bool,
}

impl Wanted {
    pub fn one(alias: Alias) -> Self {
        Self { alias: Some(alias), due: false }
    }

    pub fn all_that_are_due() -> Self {
        Self { alias: None, due: true }
    }

    /// What the page that asks sent.
    pub fn of(alias: Option<AliasText>, due: bool) -> Result<Self, Problem> {
        Ok(Self { alias: alias.map(AliasText::parse).transpose()?, due })
    }
}

/// What the page is told that asks what it is wanted for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Opened {
    #[serde(flatten)]
    wanted: Wanted,
    /// Profiles that were dealt with in this queue, by a window before this one.
    passed: Vec<Alias>,
}

/// Managed state of the app. Truth lives elsewhere: what is in here is forgotten with the program.
pub struct RotateWindow {
    opened: Mutex<Opened>,
    /// What became of the page of the sign-in that is under way.
    opening: Mutex<Opening>,
    pages: Box<dyn OpensPages>,
}

#[derive(Clone, Default)]
struct Opening {
    /// The page that this is about.
    page: String,
    /// The window of the profile's own that goes with it.
    window: String,
    opened: Option<Place>,
    trouble: Option<Problem>,
}

impl RotateWindow {
    pub fn new(pages: Box<dyn OpensPages>) -> Self {
        Self { opened: Mutex::default(), opening: Mutex::default(), pages }
    }

    fn opened(&self) -> MutexGuard<'_, Opened> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn opening(&self) -> MutexGuard<'_, Opening> {
        self.opening.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Opens the window, or brings the one that is open to the front, from any thread.
pub fn open<R: Runtime>(app: &AppHandle<R>, wanted: Wanted) {
    app.state::<RotateWindow>().opened().wanted = wanted;
    // A page that is there already asks anew; one that is yet to be made asks by itself.
    if let Err(error) = app.emit_to(LABEL, WANTED_EVENT, ()) {
        tracing::warn!(%error, "the Rotate wizard was not told what it is wanted for");
    }
    WINDOW.open(app);
}

/// Closes the window, from any thread. Its page goes with it; a sign-in goes on.
pub fn close<R: Runtime>(app: &AppHandle<R>) {
    WINDOW.close(app);
}

/// Sends a board to the page, if there is one.
pub fn tell_the_page<R: Runtime>(app: &AppHandle<R>, board: &Board) {
    if let Err(error) = app.emit_to(LABEL, BOARD_EVENT, board) {
        tracing::warn!(%error, "the board did not reach the Rotate wizard");
    }
}

/// What the window was opened for.
pub fn opened(window: &RotateWindow) -> Opened {
    window.opened().clone()
}

/// Keeps for a window that is opened later who was dealt with in this queue.
pub fn remember(window: &RotateWindow, passed: Vec<AliasText>) -> Result<(), Problem> {
    window.opened().passed = passed.into_iter().map(AliasText::parse).collect::<Result<_, _>>()?;
    Ok(())
}

/// What a sign-in on this computer can be done with.
#[derive(Serialize)]
pub struct Means {
    ability: Ability,
    /// The browser that can give a profile a window of its own.
    own: Option<&'static str>,
    /// What a person is told whose settings let Signalbox press *Authorize*.
    presses: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
enum Ability {
    Isolated,
    TooOld { version: String },
    NotInstalled,
}

/// Asks the installed Claude Code, and looks which browsers there are.
pub async fn means<R: Runtime>(app: AppHandle<R>, ports: Arc<Ports>) -> Result<Means, Problem> {
    blocking(move || {
        let ability = match ports.signin.ability() {
            signin::Ability::Isolated => Ability::Isolated,
            signin::Ability::TooOld { version } => Ability::TooOld { version },
            signin::Ability::NotInstalled => Ability::NotInstalled,
        };
        let presses = matches!(ports.preferences.bootstrap(), Choice::Press { .. }).then_some(PRESS_WARNING);
        Ok(Means { ability, own: app.state::<RotateWindow>().pages.own(), presses })
    })
    .await
}

/// The sign-in that is under way, and what became of its page.
#[derive(Serialize)]
pub struct UnderWay {
    #[serde(flatten)]
    rotation: Rotation,
    opened: Option<Place>,
    trouble: Option<Problem>,
}

/// Looks how far it is; asked once a second.
pub async fn under_way<R: Runtime>(app: AppHandle<R>, ports: Arc<Ports>) -> Result<Option<UnderWay>, Problem> {
    blocking(move || {
        let Some(rotation) = look(&ports)? else { return Ok(None) };
        let opening = app.state::<RotateWindow>().opening().clone();
        let of_this = matches!(&rotation.step, Step::Browser { page } if *page == opening.page);
        let Opening { opened, trouble, .. } = if of_this { opening } else { Opening::default() };
        Ok(Some(UnderWay { rotation, opened, trouble }))
    })
    .await
}

fn look(ports: &Ports) -> Result<Option<Rotation>, Problem> {
    rotate::look(ports).map_err(|error| error.problem(&Doing::Recover))
}

/// Begins a sign-in. Its page opens as soon as Claude Code names it, also when the window was closed meanwhile.
pub async fn begin<R: Runtime>(app: AppHandle<R>, alias: AliasText, place: Place) -> Result<(), Problem> {
    let alias = alias.parse()?;
    let engine = app.state::<EngineHandle>().inner().clone();
    engine.turn(Turn::Begin { alias, way: None }).await?;
    pages::open_when_named(app, place);
    Ok(())
}

/// Lets the person sign in once more.
pub async fn again<R: Runtime>(app: AppHandle<R>, place: Place) -> Result<(), Problem> {
    let engine = app.state::<EngineHandle>().inner().clone();
    engine.turn(Turn::Again).await?;
    pages::open_when_named(app, place);
    Ok(())
}

/// Opens the page of the sign-in once more.
pub async fn open_page<R: Runtime>(app: AppHandle<R>, place: Place) -> Result<(), Problem> {
    blocking(move || {
        let ports = app.state::<Arc<Ports>>();
        match look(&ports)? {
            Some(rotation) => pages::open_of(&app, &rotation, place),
            None => Err(FlowError::NoSignin.problem(&Doing::Recover)),
        }
    })
    .await
}

/// Asks whose login the sign-in brought.
pub async fn check(engine: &EngineHandle) -> Result<Found, Problem> {
    match engine.turn(Turn::Check).await? {
        Taken::Found(found) => Ok(found),
        Taken::Plain | Taken::Kept(_) => Err(our_fault()),
    }
}

/// For whom a new login is kept, as the page sends it.
#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Keep {
    AsAsked,
    AsNew { alias: AliasText },
    ForItsOwner,
}

/// A login that was confirmed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Kept {
    alias: Alias,
    email: String,
    plan: Option<String>,
    organization: Option<String>,
    deadline: Option<Timestamp>,
    is_new: bool,
    is_live: bool,
}

impl From<Finished> for Kept {
    fn from(finished: Finished) -> Self {
        let Finished { alias, account, deadline, is_new, is_live } = finished;
        let (email, plan, organization) = (account.email, account.plan, account.organization_name);
        Self { alias, email, plan, organization, deadline, is_new, is_live }
    }
}

/// Keeps the login, and ends the sign-in.
pub async fn keep<R: Runtime>(app: AppHandle<R>, keep: Keep) -> Result<Kept, Problem> {
    let keep = match keep {
        Keep::AsAsked => rotate::Keep::AsAsked,
        Keep::AsNew { alias } => rotate::Keep::AsNew(alias.parse()?),
        Keep::ForItsOwner => rotate::Keep::ForItsOwner,
    };
    let engine = app.state::<EngineHandle>().inner().clone();
    match engine.turn(Turn::Keep(keep)).await? {
        Taken::Kept(finished) => {
            let kept = Kept::from(*finished);
            // That a session is open in the profile's own window only spares a click the next time.
            let noted = tauri::async_runtime::spawn_blocking(move || pages::note_signed_in(&app));
            if noted.await.is_err() {
                tracing::warn!("it was not noted how the profile was signed in");
            }
            Ok(kept)
        }
        Taken::Plain | Taken::Found(_) => Err(our_fault()),
    }
}

/// Takes a step that brings nothing but its end.
pub async fn turn(engine: &EngineHandle, turn: Turn) -> Result<(), Problem> {
    engine.turn(turn).await.map(drop)
}

/// Runs on a thread that may wait.
async fn blocking<T: Send + 'static>(f: impl FnOnce() -> Result<T, Problem> + Send + 'static) -> Result<T, Problem> {
    tauri::async_runtime::spawn_blocking(f).await.unwrap_or_else(|_| Err(our_fault()))
}

fn our_fault() -> Problem {
    let message = "Cannot go on with the sign-in: Signalbox itself failed".to_owned();
    Problem { code: Code::Internal, message, next_step: NextStep::ReportBug, about: None }
}
