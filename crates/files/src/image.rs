//! Pictures: only their header is read here. No pixel is ever decoded by the service.

use crate::ExtractError;

/// The most pixels that a picture may have, before anybody decodes it.
pub const MAX_IMAGE_PIXELS: u64 = 50_000_000;

/// The most pixels that a side of a picture may have.
pub const MAX_IMAGE_SIDE: u64 = 16_384;

/// A picture format that models see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ImageFormat {
    /// Portable Network Graphics.
    Png,
    /// JPEG.
    Jpeg,
    /// Graphics Interchange Format.
    Gif,
    /// WebP.
    Webp,
}

/// What a picture's header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Picture {
    /// The format, by content.
    pub format: ImageFormat,
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
}

impl ImageFormat {
    /// Its media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Gif => "image/gif",
            Self::Webp => "image/webp",
        }
    }

    /// The format whose signature the bytes begin with.
    pub(crate) fn detect(bytes: &[u8]) -> Option<Self> {
        if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
            Some(Self::Png)
        } else if bytes.starts_with(b"\xff\xd8\xff") {
            Some(Self::Jpeg)
        } else if bytes.starts_with(b"GIF87a") || bytes.starts_with(b"GIF89a") {
            Some(Self::Gif)
        } else if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
            Some(Self::Webp)
        } else {
            None
        }
    }
}

/// Reads the size from the header and refuses what would take too much memory to decode.
pub(crate) fn inspect(format: ImageFormat, bytes: &[u8]) -> Result<Picture, ExtractError> {
    let size = imagesize::blob_size(bytes)
        .map_err(|error| ExtractError::Broken(format!("the picture has no readable header: {error}")))?;
    let (width, height) = (size.width as u64, size.height as u64);
    if width == 0 || height == 0 {
        return Err(ExtractError::Broken("the picture has no pixels".to_owned()));
    }
    if width > MAX_IMAGE_SIDE || height > MAX_IMAGE_SIDE || width * height > MAX_IMAGE_PIXELS {
        return Err(ExtractError::Hostile(format!(
            "the picture is too large: {width} × {height} pixels"
        )));
    }
    Ok(Picture {
        format,
        width: size.width as u32,
        height: size.height as u32,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
        bytes.extend(width.to_be_bytes());
        bytes.extend(height.to_be_bytes());
        bytes.extend(b"\x08\x06\0\0\0\0\0\0\0");
        bytes
    }

    #[test]
    fn sizes_come_from_the_header() {
        let gif = b"GIF89a\x20\x01\x10\0\0\0\0;";
        // A lossless WebP: one signature byte, then 14 bits each of width - 1 and height - 1.
        let mut webp = b"RIFF\x1a\0\0\0WEBPVP8L\x0e\0\0\0\x2f".to_vec();
        webp.extend((99_u32 | (49 << 14)).to_le_bytes());
        webp.extend([0; 16]);
        let jpeg = b"\xff\xd8\xff\xe0\0\x04ab\xff\xc0\0\x11\x08\0\x64\0\xc8\x03\x01\x11\0\x02\x11\x01\x03\x11\x01\xff\xd9";
        for (bytes, format, width, height) in [
            (png(640, 480), ImageFormat::Png, 640, 480),
            (gif.to_vec(), ImageFormat::Gif, 288, 16),
            (webp, ImageFormat::Webp, 100, 50),
            (jpeg.to_vec(), ImageFormat::Jpeg, 200, 100),
        ] {
            assert_eq!(ImageFormat::detect(&bytes), Some(format));
            assert_eq!(
                inspect(format, &bytes),
                Ok(Picture {
                    format,
                    width,
                    height
                })
            );
        }
    }

    #[test]
    fn too_many_pixels_are_refused_by_the_header_alone() {
        for (width, height, fits) in [
            (50_000, 50_000, false),
            (u32::MAX, u32::MAX, false),
            (16_384, 3_051, true),
            (16_384, 3_052, false),
            (16_385, 1, false),
            (1, 16_385, false),
            (7_071, 7_071, true),
        ] {
            let result = inspect(ImageFormat::Png, &png(width, height));
            assert_eq!(result.is_ok(), fits, "{width} x {height}");
            assert!(fits || matches!(result, Err(ExtractError::Hostile(_))));
        }
    }

    #[test]
    fn broken_headers_are_errors() {
        let whole = png(640, 480);
        for bytes in [
            &whole[..12],
            &whole[..20],
            &png(0, 5),
            b"\xff\xd8\xff",
            b"GIF89a",
            b"RIFF\0\0\0\0WEBP",
        ] {
            let format = ImageFormat::detect(bytes).unwrap();
            assert!(
                matches!(inspect(format, bytes), Err(ExtractError::Broken(_))),
                "{bytes:?}"
            );
        }
    }
}
