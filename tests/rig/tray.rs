//! The app's tray icon as another program on the bus sees it: its tooltip, its menu rows, and clicks on them
//! (StatusNotifierItem and com.canonical.dbusmenu). Pixel clicks on the icon are the demo's own business.

use std::collections::HashMap;

use anyhow::{Context, Result, bail};
use zbus::{OwnedVariant, Variant};

use crate::desk::Desk;
use crate::process::until;

/// A menu node: id, properties, children (each a node inside a variant).
type Node = (i32, HashMap<String, OwnedVariant>, Vec<OwnedVariant>);

/// A tooltip: icon name, icon pixels, title, text.
type Tip = (String, Vec<(i32, i32, Vec<u8>)>, String, String);

/// The icon of one app.
pub struct Tray {
    item: zbus::Proxy<'static>,
    menu: zbus::Proxy<'static>,
}

/// One row of the menu.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// What a click names.
    pub id: i32,
    /// The text, without mnemonic underscores.
    pub label: String,
    /// Whether it is ticked; `None`: it is no check item.
    pub ticked: Option<bool>,
    /// Whether it can be clicked.
    pub enabled: bool,
}

impl Tray {
    /// Waits for the newest icon that registered with the desk's watcher and answers.
    ///
    /// # Errors
    /// When none appears.
    pub async fn find(desk: &Desk) -> Result<Self> {
        let name = "org.kde.StatusNotifierWatcher";
        let watcher = proxy(desk, name, "/StatusNotifierWatcher", name).await?;
        until("a tray icon", async || {
            let items: Vec<String> = watcher.get_property("RegisteredStatusNotifierItems").await.ok()?;
            Self::open(desk, items.last()?).await.ok()
        })
        .await
    }

    async fn open(desk: &Desk, item: &str) -> Result<Self> {
        let (service, path) = item.split_once('/').context("an item without a path")?;
        let item = proxy(desk, service, &format!("/{path}"), "org.kde.StatusNotifierItem").await?;
        let menu: zbus::OwnedObjectPath = item.get_property("Menu").await?;
        let menu = proxy(desk, service, menu.as_str(), "com.canonical.dbusmenu").await?;
        Ok(Self { item, menu })
    }

    /// A left click on the icon itself.
    ///
    /// # Errors
    /// When the app does not answer.
    pub async fn activate(&self) -> Result<()> {
        // As a host does that does not know where its icon is.
        Ok(self.item.call("Activate", &(0i32, 0i32)).await?)
    }

    /// The tooltip's title.
    ///
    /// # Errors
    /// When the app does not answer.
    pub async fn tooltip(&self) -> Result<String> {
        let tip: Tip = self.item.get_property("ToolTip").await?;
        Ok(tip.2)
    }

    /// The rows of the menu, top to bottom; separators are left out.
    ///
    /// # Errors
    /// When the app does not answer.
    pub async fn rows(&self) -> Result<Vec<Row>> {
        let (_revision, root): (u32, Node) = self.menu.call("GetLayout", &(0i32, -1i32, Vec::<String>::new())).await?;
        let mut rows = Vec::new();
        for child in root.2 {
            let (id, properties, _children): Node = child.try_into()?;
            let text = |name: &str| properties.get(name).and_then(|v| String::try_from(v.try_clone().ok()?).ok());
            let Some(label) = text("label") else { continue };
            let state = properties.get("toggle-state").and_then(|v| i32::try_from(v).ok());
            let ticked = text("toggle-type").filter(|kind| !kind.is_empty()).map(|_| state == Some(1));
            let enabled = properties.get("enabled").and_then(|v| bool::try_from(v).ok()).unwrap_or(true);
            rows.push(Row { id, label: without_mnemonics(&label), ticked, enabled });
        }
        Ok(rows)
    }

    /// The labels of the ticked rows.
    ///
    /// # Errors
    /// When the app does not answer.
    pub async fn ticked(&self) -> Result<Vec<String>> {
        Ok(self.rows().await?.into_iter().filter(|row| row.ticked == Some(true)).map(|row| row.label).collect())
    }

    /// Clicks the row whose label is `label`, or begins with it and a space (a profile's row may carry its usage).
    ///
    /// # Errors
    /// When there is no such row, it is greyed out, or the app does not answer.
    pub async fn click(&self, label: &str) -> Result<()> {
        let rows = self.rows().await?;
        let exact = rows.iter().find(|row| row.label == label);
        let Some(row) = exact.or_else(|| rows.iter().find(|row| row.names(label))) else {
            bail!("Cannot click `{label}`: the menu has {:?}", rows.iter().map(|row| &row.label).collect::<Vec<_>>());
        };
        anyhow::ensure!(row.enabled, "Cannot click `{label}`: the row is greyed out");
        Ok(self.menu.call("Event", &(row.id, "clicked", Variant::from(0i32), 0u32)).await?)
    }
}

impl Row {
    /// Whether this is the row of `label`: its text is that, alone or followed by something more.
    #[must_use]
    pub fn names(&self, label: &str) -> bool {
        self.label
            .strip_prefix(label)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '…', '\u{2003}', '\t']))
    }
}

/// A proxy that asks anew each time: not everybody announces what has changed.
async fn proxy(desk: &Desk, service: &str, path: &str, interface: &str) -> zbus::Result<zbus::Proxy<'static>> {
    zbus::proxy::Builder::new(&desk.bus)
        .destination(service.to_owned())
        .path(path.to_owned())
        .interface(interface.to_owned())
        .cache_properties(zbus::proxy::CacheProperties::No)
        .build()
        .await
}

/// dbusmenu marks a mnemonic with `_` and a real underscore with `__`.
fn without_mnemonics(label: &str) -> String {
    label.replace("__", "\u{0}").replace('_', "").replace('\u{0}', "_")
}
