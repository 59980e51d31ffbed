//! What is known about the board's window besides the window itself: whether it waits to be shown, who hid it, and when
//! it may be destroyed. Pure state, with the time as an argument.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use signalbox_core::board::Board;

use super::Click;

/// A click on the icon takes the focus from the board and thereby hides it, and must not open it again. Longer than any
/// platform takes between the two, shorter than a person between two clicks.
const REOPEN_LATCH: Duration = Duration::from_millis(250);

/// Managed state of the app.
pub struct BoardWindow {
    life: Mutex<Life>,
    /// What was published last, for the page of the next window.
    board: Mutex<Option<Board>>,
}

impl BoardWindow {
    /// `keep`: how long a hidden window lives.
    pub fn new(keep: Duration) -> Self {
        Self { life: Mutex::new(Life::new(keep)), board: Mutex::default() }
    }

    /// A new board was published.
    pub fn keep(&self, board: &Board) {
        *self.board.lock().unwrap_or_else(PoisonError::into_inner) = Some(board.clone());
    }

    /// A script that gives a new page the last board, so that it draws before it has asked for anything. Empty while none was
    /// published.
    pub fn first_board(&self) -> String {
        let board = self.board.lock().unwrap_or_else(PoisonError::into_inner);
        // What cannot be said here is asked for by the page, as it asks for what is newer.
        let json = board.as_ref().and_then(|board| serde_json::to_string(board).ok());
        // A page reads JSON sooner than its own language. Quoted once more, JSON is a string of that.
        let quoted = json.and_then(|json| serde_json::to_string(&json).ok());
        quoted.map(|json| format!("window.__SIGNALBOX_BOARD__ = JSON.parse({json});")).unwrap_or_default()
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Life> {
        self.life.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) struct Life {
    keep: Duration,
    /// Where the icon was clicked for this opening.
    pub click: Option<Click>,
    /// What the page said last, in CSS pixels. Kept for the next window, which then has its size from the beginning.
    pub height: Option<f64>,
    /// New windows are left out of recordings of the screen.
    pub off_recordings: bool,
    /// The window has had the focus since it was shown.
    pub focused: bool,
    /// The page is loading, and the window is shown when it is ready.
    awaited: bool,
    hidden_by_blur: Option<Instant>,
    /// The verdict of the press, for the release.
    pressed_while_open: bool,
    /// Grows with every showing and hiding, so that an old timer knows that it is old.
    generation: u64,
}

impl Life {
    fn new(keep: Duration) -> Self {
        Self {
            keep,
            click: None,
            height: None,
            off_recordings: false,
            focused: false,
            awaited: false,
            hidden_by_blur: None,
            pressed_while_open: false,
            generation: 0,
        }
    }

    /// A window was made, and waits for its page.
    pub fn begin(&mut self) {
        self.generation += 1;
        self.awaited = true;
        self.focused = false;
    }

    /// Whether the window still waits to be shown. Says yes once.
    pub fn take_awaited(&mut self) -> bool {
        std::mem::take(&mut self.awaited)
    }

    /// The window is shown, or shown again while it was open: then it keeps the focus that it has.
    pub fn begin_shown(&mut self) {
        self.generation += 1;
        self.awaited = false;
    }

    /// The window was hidden. When `keep` has passed and `is_still(generation)`, it is to be destroyed.
    pub fn hidden(&mut self) -> (u64, Duration) {
        self.generation += 1;
        self.awaited = false;
        self.focused = false;
        (self.generation, self.keep)
    }

    pub fn is_still(&self, generation: u64) -> bool {
        self.generation == generation
    }

    /// The focus went elsewhere. Says whether the window is to be hidden.
    pub fn blur(&mut self, now: Instant) -> bool {
        if std::mem::take(&mut self.focused) {
            self.hidden_by_blur = Some(now);
            true
        } else {
            false
        }
    }

    /// The icon was pressed.
    pub fn press(&mut self, now: Instant) {
        self.pressed_while_open = self.just_hidden(now);
    }

    /// The icon was released. Says whether this click has closed the board already.
    pub fn release(&mut self, now: Instant) -> bool {
        let closed = std::mem::take(&mut self.pressed_while_open) || self.just_hidden(now);
        self.hidden_by_blur = None;
        closed
    }

    fn just_hidden(&self, now: Instant) -> bool {
        self.hidden_by_blur.is_some_and(|at| now.saturating_duration_since(at) < REOPEN_LATCH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(start: Instant, ms: u64) -> Instant {
        start + Duration::from_millis(ms)
    }

    fn open() -> Life {
        let mut life = Life::new(Duration::from_secs(60));
        life.begin();
        assert!(life.take_awaited());
        life.begin_shown();
        life.focused = true;
        life
    }

    #[test]
    fn the_click_that_took_the_focus_does_not_open_the_board_again() {
        let (mut life, start) = (open(), Instant::now());
        assert!(life.blur(start), "clicking elsewhere hides the board");
        life.press(after(start, 80));
        assert!(life.release(after(start, 600)), "however long the button is held");
        assert!(!life.release(after(start, 700)), "the next click opens it");
    }

    #[test]
    fn a_platform_without_a_press_is_served_by_the_release() {
        let (mut life, start) = (open(), Instant::now());
        assert!(life.blur(start));
        assert!(life.release(after(start, 30)));
        let (mut life, start) = (open(), Instant::now());
        assert!(life.blur(start));
        assert!(!life.release(after(start, 2_000)), "a click much later is a new one");
    }

    #[test]
    fn a_board_that_never_had_the_focus_is_not_hidden_for_losing_it() {
        let mut life = open();
        life.focused = false;
        assert!(!life.blur(Instant::now()));
    }

    #[test]
    fn a_page_is_awaited_once() {
        let mut life = Life::new(Duration::ZERO);
        assert!(!life.take_awaited());
        life.begin();
        assert!(life.take_awaited());
        assert!(!life.take_awaited(), "the timer after the page's own word does nothing");
        life.begin();
        let _ = life.hidden();
        assert!(!life.take_awaited(), "a board that was closed while it loaded stays closed");
    }

    #[test]
    fn a_board_that_was_opened_again_is_not_destroyed() {
        let mut life = open();
        let (generation, keep) = life.hidden();
        assert_eq!(keep, Duration::from_secs(60));
        assert!(life.is_still(generation));
        life.begin_shown();
        assert!(!life.is_still(generation));
    }
}
