//! Saving what the History window shows: the readings as CSV, or the picture that the page drew. Owns the names of the
//! files, what may count as a picture, and writing. Leaves where to `save`, which asks the person.

use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use signalbox_core::error::{Code, Problem};
use signalbox_core::plot::csv;
use signalbox_core::ports::Ports;
use tauri::ipc::{InvokeBody, Request};
use tauri::{AppHandle, Runtime};

use super::{cannot, read, save, span_of};

/// No picture of a window is larger, on whatever screen.
const PICTURE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Nor has it more pixels on a side.
const PICTURE_SIDE_MAX: u32 = 16_384;
const PNG_SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";
const PNG_END: &[u8] = b"\0\0\0\0IEND\xaeB`\x82";

/// Which readings are wanted as CSV.
#[derive(Deserialize)]
pub struct Export {
    pub days: u32,
    /// The cards whose profiles are shown.
    pub profiles: Vec<String>,
}

/// Where it was saved; nothing where the person thought better of it.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(PartialEq, Eq))]
pub struct Exported(Option<PathBuf>);

/// A picture that the page drew.
#[derive(Debug)]
pub struct Picture(Vec<u8>);

impl Picture {
    /// Takes the raw body of a command, and believes nothing but that it is a PNG from end to end.
    pub fn of(request: &Request<'_>) -> Result<Self, Problem> {
        let InvokeBody::Raw(bytes) = request.body() else { return Err(refused("it is no picture")) };
        if bytes.len() > PICTURE_BYTES_MAX {
            return Err(refused("the picture is too large"));
        }
        if is_png(bytes) { Ok(Self(bytes.clone())) } else { Err(refused("it is no PNG picture")) }
    }
}

/// The order and the sides of a PNG; a broken row inside it would harm nobody.
fn is_png(bytes: &[u8]) -> bool {
    let side = |at: usize| bytes.get(at..at + 4).and_then(|side| side.try_into().ok()).map(u32::from_be_bytes);
    let may_be = |side: Option<u32>| side.is_some_and(|side| (1..=PICTURE_SIDE_MAX).contains(&side));
    bytes.starts_with(PNG_SIGNATURE)
        && bytes.get(12..16) == Some(b"IHDR")
        && may_be(side(16))
        && may_be(side(20))
        && bytes.ends_with(PNG_END)
}

impl Export {
    /// Asks where to, and saves the readings there.
    pub async fn save<R: Runtime>(self, app: AppHandle<R>, ports: Arc<Ports>) -> Result<Exported, Problem> {
        let span = span_of(self.days)?;
        let name = format!("{}.csv", csv::file_stem(&ports));
        let table = read("save the readings", move || csv::of_cards(&ports, span, &self.profiles)).await?;
        save_as(&app, name, table.into_bytes()).await
    }
}

impl Picture {
    /// Asks where to, and saves the picture there.
    pub async fn save<R: Runtime>(self, app: AppHandle<R>, ports: Arc<Ports>) -> Result<Exported, Problem> {
        save_as(&app, format!("{}.png", csv::file_stem(&ports)), self.0).await
    }
}

async fn save_as<R: Runtime>(app: &AppHandle<R>, name: String, bytes: Vec<u8>) -> Result<Exported, Problem> {
    let Some(path) = save::ask(app, name).await else { return Ok(Exported(None)) };
    let at = path.clone();
    // An export is the person's own file, with the mode that their other files have.
    let written = tauri::async_runtime::spawn_blocking(move || std::fs::write(&at, &bytes)).await;
    match written {
        Ok(Ok(())) => Ok(Exported(Some(path))),
        Ok(Err(error)) => Err(cannot(&format!("save {}", path.display()), &error.to_string(), Code::Store)),
        Err(_) => Err(cannot("save it", "Signalbox itself failed", Code::Internal)),
    }
}

fn refused(why: &str) -> Problem {
    cannot("save the picture", why, Code::Usage)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The smallest picture there is, with these sides.
    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = PNG_SIGNATURE.to_vec();
        bytes.extend(13_u32.to_be_bytes());
        bytes.extend(b"IHDR");
        bytes.extend(width.to_be_bytes());
        bytes.extend(height.to_be_bytes());
        bytes.extend([8, 6, 0, 0, 0, 0, 0, 0, 0]);
        bytes.extend(PNG_END);
        bytes
    }

    #[test]
    fn only_a_whole_png_of_a_windows_size_is_a_picture() {
        assert!(is_png(&png(1_520, 900)));
        let cut = png(2, 2);
        for (what, bytes) in [
            ("nothing", Vec::new()),
            ("a web page", b"<html>".to_vec()),
            ("a program", b"\x7fELF".to_vec()),
            ("a PNG that was cut off", cut[..cut.len() - 1].to_vec()),
            ("a PNG with something behind it", [cut.as_slice(), b"#!/bin/sh"].concat()),
            ("a PNG without a width", png(0, 5)),
            ("a PNG that no screen can show", png(5, PICTURE_SIDE_MAX + 1)),
        ] {
            assert!(!is_png(&bytes), "{what}");
        }
    }
}
