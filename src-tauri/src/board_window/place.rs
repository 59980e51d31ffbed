//! Where the board goes on a screen, in physical pixels. Pure geometry, for platforms on which the tray tells at best
//! where it was clicked. macOS has its own in `macos`, because its points are not these pixels.

/// Room between the board and the edges of the work area.
const MARGIN: f64 = 8.0;
/// Room between the menu bar and the board, in points.
#[cfg(any(target_os = "macos", test))]
const GAP: f64 = 4.0;

/// A rectangle: the part of a screen that panels leave free.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Area {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

#[cfg(any(not(target_os = "macos"), test))]
impl Area {
    /// Whether a point lies on this area or on the panels around it, which are at most `reach` thick.
    fn is_near(&self, (x, y): (f64, f64), reach: f64) -> bool {
        let inside = |at: f64, from: f64, length: f64| at >= from - reach && at <= from + length + reach;
        inside(x, self.x, self.width) && inside(y, self.y, self.height)
    }
}

/// The board's top left corner. Without a usable click it is the top right corner of the work area, under the panel.
/// With one, the board is centred on the click and stands at the edge where the panel is.
#[cfg(any(not(target_os = "macos"), test))]
pub fn top_left(area: Area, size: (f64, f64), click: Option<(f64, f64)>, scale: f64) -> (f64, f64) {
    let margin = MARGIN * scale;
    let (width, height) = size;
    let right = area.x + area.width - width - margin;
    let bottom = area.y + area.height - height - margin;
    // A host that does not know where the icon is says 0, 0.
    let click = click.filter(|at| *at != (0.0, 0.0) && area.is_near(*at, 200.0 * scale));
    let (x, y) = match click {
        None => (right, area.y + margin),
        Some((x, y)) if y > area.y + area.height / 2.0 => (x - width / 2.0, bottom),
        Some((x, _)) => (x - width / 2.0, area.y + margin),
    };
    // The top left corner counts when the board is larger than the screen.
    (x.min(right).max(area.x + margin), y.min(bottom).max(area.y + margin))
}

/// The largest height that fits, in the same pixels as the area.
pub fn height_max(area: Area, scale: f64) -> f64 {
    (area.height - 2.0 * MARGIN * scale).max(0.0)
}

/// The left and the top edge of a board under its icon, in AppKit's points, whose y grows upwards. Without an icon it is
/// the top right corner.
#[cfg(any(target_os = "macos", test))]
pub fn under_icon(icon: Option<Area>, visible: Area, width: f64) -> (f64, f64) {
    let right = visible.x + visible.width - width - MARGIN;
    let left = icon.map_or(right, |icon| icon.x + icon.width / 2.0 - width / 2.0);
    let top = visible.y + visible.height;
    // The menu bar hides in full screen, and the icon's lower edge is then below the visible part's upper one.
    let top = icon.map_or(top, |icon| top.min(icon.y));
    (left.min(right).max(visible.x + MARGIN), top - GAP)
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNDER_A_PANEL: Area = Area { x: 0.0, y: 32.0, width: 1280.0, height: 768.0 };
    const ABOVE_A_PANEL: Area = Area { x: 0.0, y: 0.0, width: 1280.0, height: 760.0 };
    const SECOND_SCREEN: Area = Area { x: 1280.0, y: -200.0, width: 1920.0, height: 1080.0 };
    const SIZE: (f64, f64) = (380.0, 500.0);

    #[test]
    fn the_board_stands_where_the_icon_is() {
        let cases = [
            ("no click", UNDER_A_PANEL, None, (892.0, 40.0)),
            ("a host that knows nothing", UNDER_A_PANEL, Some((0.0, 0.0)), (892.0, 40.0)),
            ("in the panel at the top", UNDER_A_PANEL, Some((700.0, 16.0)), (510.0, 40.0)),
            ("near the right edge", UNDER_A_PANEL, Some((1270.0, 16.0)), (892.0, 40.0)),
            ("near the left edge", UNDER_A_PANEL, Some((4.0, 16.0)), (8.0, 40.0)),
            ("in the panel at the bottom", ABOVE_A_PANEL, Some((700.0, 790.0)), (510.0, 252.0)),
            ("on a second screen", SECOND_SCREEN, Some((2000.0, -190.0)), (1810.0, -192.0)),
            ("a click that was elsewhere", UNDER_A_PANEL, Some((5000.0, 16.0)), (892.0, 40.0)),
        ];
        for (case, area, click, expected) in cases {
            assert_eq!(top_left(area, SIZE, click, 1.0), expected, "{case}");
        }
    }

    #[test]
    fn a_board_larger_than_the_screen_begins_at_its_top() {
        assert_eq!(top_left(UNDER_A_PANEL, (380.0, 2000.0), None, 1.0), (892.0, 40.0));
        assert!((height_max(UNDER_A_PANEL, 1.0) - 752.0).abs() < f64::EPSILON);
    }

    #[test]
    fn on_a_mac_the_board_hangs_under_its_icon() {
        let visible = Area { x: 0.0, y: 70.0, width: 1440.0, height: 806.0 };
        let icon = |x: f64, y: f64| Some(Area { x, y, width: 30.0, height: 24.0 });
        let cases = [
            ("in the middle of the bar", icon(900.0, 876.0), (725.0, 872.0)),
            ("at the right end", icon(1405.0, 876.0), (1052.0, 872.0)),
            ("over a full screen, whose bar slides over it", icon(900.0, 860.0), (725.0, 856.0)),
            ("no icon to be seen", None, (1052.0, 872.0)),
        ];
        for (case, icon, expected) in cases {
            assert_eq!(under_icon(icon, visible, 380.0), expected, "{case}");
        }
        let left_of_the_main_one = Area { x: -1920.0, ..visible };
        assert_eq!(under_icon(icon(-1918.0, 876.0), left_of_the_main_one, 380.0).0, -1912.0);
    }

    #[test]
    fn the_margin_grows_with_the_scale() {
        assert_eq!(top_left(UNDER_A_PANEL, SIZE, None, 2.0), (884.0, 48.0));
    }
}
