//! The icon's pixels: one of the pictures in `icons`, or two bars in its place, pale where what they show is old. Owns the
//! drawing; leaves how full the bars are to `gauge`. 36 pixels high, which is what menu bars show at 18 points.

use tauri::image::Image;

use super::gauge::Bars;
use super::model::Icon;

/// Width and height.
const SIDE: u32 = 36;
/// The bars, in pixels: where they begin, how long and how high they are, and the top of each.
const LEFT: u32 = 2;
const LENGTH: u32 = 32;
const HEIGHT: u32 = 10;
const TOPS: [u32; 2] = [6, 21];
/// How much of the colour an empty bar has, of 255.
const EMPTY: u8 = 70;
/// What remains of the colour where a number is old, of 255.
const PALE: u16 = 110;
/// The dot: its middle and its radius, with a gap around it.
const DOT: (i64, i64) = (30, 6);
const DOT_RADIUS: i64 = 5;
const DOT_GAP: i64 = 2;

/// macOS tints black and alpha by itself; no panel of Linux does, so there it is a grey that can be told from white and black.
const INK: [u8; 3] = if cfg!(target_os = "macos") { [0, 0, 0] } else { [0x84, 0x84, 0x84] };
const DOT_INK: [u8; 3] = if cfg!(target_os = "macos") { [0, 0, 0] } else { [0xe5, 0x48, 0x4d] };

/// The picture for a moment.
pub fn picture(icon: Icon, bars: Option<Bars>, pale: bool) -> Image<'static> {
    let image = match bars {
        Some(bars) => Image::new_owned(bars_of(bars, icon), SIDE, SIDE),
        None => glyph(icon),
    };
    if pale { paled(&image) } else { image }
}

fn glyph(icon: Icon) -> Image<'static> {
    if cfg!(target_os = "macos") {
        match icon {
            Icon::Plain => tauri::include_image!("../icons/tray.png"),
            Icon::Attention => tauri::include_image!("../icons/tray-attention.png"),
        }
    } else {
        match icon {
            Icon::Plain => tauri::include_image!("../icons/tray-linux.png"),
            Icon::Attention => tauri::include_image!("../icons/tray-attention-linux.png"),
        }
    }
}

fn paled(image: &Image<'_>) -> Image<'static> {
    let mut pixels = image.rgba().to_vec();
    for pixel in pixels.chunks_exact_mut(4) {
        pixel[3] = u8::try_from(u16::from(pixel[3]) * PALE / 255).unwrap_or(u8::MAX);
    }
    Image::new_owned(pixels, image.width(), image.height())
}

/// Row by row, four bytes for each pixel.
fn bars_of(bars: Bars, icon: Icon) -> Vec<u8> {
    let full = [bars.upper, bars.lower].map(|percent| LENGTH * u32::from(percent.min(100)) / 100);
    let at = |x: u32, y: u32| {
        if icon == Icon::Attention {
            let (dx, dy) = (i64::from(x) - DOT.0, i64::from(y) - DOT.1);
            let far = dx * dx + dy * dy;
            if far <= DOT_RADIUS * DOT_RADIUS {
                return with_alpha(DOT_INK, 255);
            }
            if far <= (DOT_RADIUS + DOT_GAP) * (DOT_RADIUS + DOT_GAP) {
                return [0; 4];
            }
        }
        let bar = TOPS.iter().position(|top| (*top..*top + HEIGHT).contains(&y));
        match bar {
            Some(bar) if (LEFT..LEFT + LENGTH).contains(&x) => {
                with_alpha(INK, if x - LEFT < full[bar] { 255 } else { EMPTY })
            }
            _ => [0; 4],
        }
    };
    (0..SIDE).flat_map(|y| (0..SIDE).flat_map(move |x| at(x, y))).collect()
}

fn with_alpha([red, green, blue]: [u8; 3], alpha: u8) -> [u8; 4] {
    [red, green, blue, alpha]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many pixels of a row are solid.
    fn solid(image: &Image<'_>, y: u32) -> usize {
        let row = usize::try_from(y * SIDE * 4).expect("small");
        let pixels = &image.rgba()[row..row + usize::try_from(SIDE * 4).expect("small")];
        pixels.chunks_exact(4).filter(|pixel| pixel[3] == 255).count()
    }

    fn bars(upper: u8, lower: u8) -> Image<'static> {
        picture(Icon::Plain, Some(Bars { upper, lower }), false)
    }

    #[test]
    fn a_bar_is_as_full_as_its_window() {
        for (percent, expected) in [(0, 0), (50, 16), (100, 32), (104, 32)] {
            assert_eq!(solid(&bars(percent, 0), TOPS[0]), expected, "{percent} %");
            assert_eq!(solid(&bars(0, percent), TOPS[1]), expected, "{percent} %");
        }
        assert_eq!(solid(&bars(100, 100), TOPS[0] + HEIGHT), 0, "there is room between the two");
        let rest = bars(0, 0).rgba().chunks_exact(4).filter(|pixel| pixel[3] == EMPTY).count();
        assert_eq!(rest, 2 * usize::try_from(LENGTH * HEIGHT).expect("small"), "an empty bar can be seen");
    }

    #[test]
    fn the_dot_stands_above_the_bars() {
        let image = picture(Icon::Attention, Some(Bars { upper: 0, lower: 0 }), false);
        let ink = image.rgba().chunks_exact(4).filter(|pixel| pixel[3] == 255).count();
        assert!((69..=90).contains(&ink), "a circle with a radius of five pixels has about 80, not {ink}");
    }

    #[test]
    fn what_is_old_is_paler_and_as_large() {
        for bars in [None, Some(Bars { upper: 90, lower: 10 })] {
            let (fresh, old) = (picture(Icon::Plain, bars, false), picture(Icon::Plain, bars, true));
            assert_eq!((fresh.width(), fresh.height()), (old.width(), old.height()));
            let most = |image: &Image<'_>| image.rgba().chunks_exact(4).map(|pixel| pixel[3]).max();
            assert!(most(&old) < most(&fresh) && most(&old) > Some(80), "{:?}", most(&old));
        }
    }
}
