//! QR codes (ISO/IEC 18004): on the terminal, as SVG, and as PNG.

use std::path::Path;
use std::str::FromStr;

use carnet::diagnosis::Code;
use carnet::format::resend::ResendRequest;
use qrcode::render::{svg, unicode::Dense1x2};
use qrcode::{Color, EcLevel, QrCode};

use super::command_error::CommandError;

/// The longest text of a code on the terminal: version 13 with level M. Such a code is 77 columns wide.
const TERMINAL_CHARS_MAX: usize = 483;

/// The longest text of a code at all: version 40 with level M.
const CHARS_MAX: usize = 3391;

/// Pixels of a module in a PNG, and modules of the margin on each side.
const PIXELS: usize = 8;
const MARGIN: usize = 4;

/// Pixels of an SVG, at least. It can be scaled.
const SVG_PIXELS: u32 = 400;

/// Sets white on black, whatever the colours of the terminal are; and back. The blocks are the light modules.
const COLOURS: &str = "\u{1b}[97;40m";
const PLAIN: &str = "\u{1b}[0m";

/// The kind of a file with a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Picture {
    Svg,
    Png,
}

impl FromStr for Picture {
    type Err = String;

    /// Takes the kind from the end of a file name.
    fn from_str(file: &str) -> Result<Self, Self::Err> {
        let extension = Path::new(file).extension().unwrap_or_default();
        if extension.eq_ignore_ascii_case("svg") {
            Ok(Picture::Svg)
        } else if extension.eq_ignore_ascii_case("png") {
            Ok(Picture::Png)
        } else {
            Err("expected a file name that ends in .svg or .png".to_owned())
        }
    }
}

/// Draws requests for the terminal, as several codes if one would be too wide. `coloured` sets the colours, so that a code
/// is black on white.
pub(crate) fn on_terminal(requests: &[&ResendRequest], coloured: bool) -> Result<String, CommandError> {
    let texts: Vec<String> = requests.iter().flat_map(|request| parts(request)).collect();
    let mut out = String::new();
    for (at, text) in (1..).zip(&texts) {
        if texts.len() > 1 {
            out += &format!("code {at} of {}\n", texts.len());
        }
        let drawn =
            code(text)?.render::<Dense1x2>().dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).build();
        for line in drawn.lines() {
            out += &if coloured { format!("{COLOURS}{line}{PLAIN}\n") } else { format!("{line}\n") };
        }
    }
    Ok(out)
}

/// Splits a request into texts that can each be read alone, and that are short enough for the terminal.
fn parts(request: &ResendRequest) -> Vec<String> {
    let lines = request.compact_lines();
    let (head, rest) = lines.split_first().expect("a request has a first line");
    let mut parts = Vec::new();
    let mut part = head.clone();
    for line in rest {
        if part.len() + 1 + line.len() > TERMINAL_CHARS_MAX && part.len() > head.len() {
            parts.push(std::mem::replace(&mut part, head.clone()));
        }
        part += " ";
        part += line;
    }
    parts.push(part);
    parts
}

/// Draws all requests as one code, as the bytes of a file.
pub(crate) fn picture(requests: &[&ResendRequest], kind: Picture) -> Result<Vec<u8>, CommandError> {
    let text = requests.iter().map(|request| request.compact()).collect::<Vec<_>>().join(" ");
    let code = code(&text)?;
    Ok(match kind {
        Picture::Svg => {
            code.render::<svg::Color>().min_dimensions(SVG_PIXELS, SVG_PIXELS).build().into_bytes()
        }
        Picture::Png => png(&code).map_err(CommandError::system)?,
    })
}

fn code(text: &str) -> Result<QrCode, CommandError> {
    let too_long = || {
        let message = format!(
            "the request has {} characters, and a QR code holds at most {CHARS_MAX} of them",
            text.len()
        );
        CommandError::new(Code::RequestTooLong, message)
    };
    if text.len() > CHARS_MAX {
        return Err(too_long());
    }
    QrCode::with_error_correction_level(text, EcLevel::M).map_err(|_| too_long())
}

/// Writes a code as a picture of one bit for each pixel.
fn png(code: &QrCode) -> Result<Vec<u8>, png::EncodingError> {
    let modules = code.width();
    let width = (modules + 2 * MARGIN) * PIXELS;
    let colours = code.to_colors();
    let is_light = |x: usize, y: usize| {
        let module = |at: usize| (at / PIXELS).checked_sub(MARGIN).filter(|at| *at < modules);
        match (module(x), module(y)) {
            (Some(column), Some(row)) => colours[row * modules + column] == Color::Light,
            _ => true,
        }
    };
    let mut bytes = Vec::new();
    for y in 0..width {
        let mut row = vec![0_u8; width.div_ceil(8)];
        for x in (0..width).filter(|&x| is_light(x, y)) {
            row[x / 8] |= 0x80 >> (x % 8);
        }
        bytes.extend(row);
    }
    let mut out = Vec::new();
    let side = u32::try_from(width).expect("a code has at most 177 modules");
    let mut encoder = png::Encoder::new(&mut out, side, side);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&bytes)?;
    writer.finish()?;
    Ok(out)
}
