//! A text as a QR code, drawn as a PNG.

use ::png::{BitDepth, ColorType, Encoder};
use qrcodegen::{QrCode, QrCodeEcc};
use shared::error::Error;

/// Pixels of a module's side.
const MODULE: usize = 8;
/// Modules of the white border, as ISO/IEC 18004 asks for.
const BORDER: i32 = 4;

/// Draws a text, in grey of one bit a pixel.
///
/// # Errors
/// When the text is longer than a code holds, some 2,300 bytes.
pub(crate) fn png(text: &str) -> Result<Vec<u8>, Error> {
    let code = QrCode::encode_text(text, QrCodeEcc::Medium).map_err(Error::internal)?;
    let modules = -BORDER..code.size() + BORDER;
    let mut pixels = Vec::new();
    for y in modules.clone() {
        // A module is as wide as a byte has bits, and white is 1.
        let row: Vec<u8> = modules
            .clone()
            .map(|x| if code.get_module(x, y) { 0 } else { 0xff })
            .collect();
        pixels.extend(row.repeat(MODULE));
    }
    let side = u32::try_from(modules.len() * MODULE).map_err(Error::internal)?;
    let mut drawn = Vec::new();
    let mut encoder = Encoder::new(&mut drawn, side, side);
    encoder.set_color(ColorType::Grayscale);
    encoder.set_depth(BitDepth::One);
    let mut writer = encoder.write_header().map_err(Error::internal)?;
    writer.write_image_data(&pixels).map_err(Error::internal)?;
    writer.finish().map_err(Error::internal)?;
    Ok(drawn)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_drawn_with_its_border_and_its_three_corners() {
        let drawn = png("otpauth://totp/docent:ann@example.com?secret=JBSWY3DPEHPK3PXP&issuer=docent").unwrap();
        let mut reader = ::png::Decoder::new(std::io::Cursor::new(drawn)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let side = reader.next_frame(&mut pixels).unwrap().width as usize;
        let module = |x: usize, y: usize| pixels[y * MODULE * side / 8 + x];
        let last = side / MODULE - 1;
        assert!((0..=last).all(|at| module(at, 0) == 0xff && module(0, at) == 0xff && module(last, at) == 0xff));
        for (x, y) in [(4, 4), (last - 10, 4), (4, last - 10)] {
            assert!((0..7).all(|at| module(x + at, y) == 0), "a corner at {x}, {y}");
            assert_eq!((module(x + 1, y + 1), module(x + 2, y + 2)), (0xff, 0));
        }
    }

    #[test]
    fn a_text_that_is_too_long_is_an_error() {
        assert!(png(&"x".repeat(3000)).is_err());
    }
}
