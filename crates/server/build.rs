//! Puts the page into the program: every file below `web/`, as it is and compressed, with the address it is served at.
//!
//! Nothing is bundled or rewritten, with one exception: `index.html` names its files below `app/dev/`, and `dev` becomes
//! a name made of all files' content. So a file's address changes with the page and may be kept for ever.

use sha2::{Digest, Sha256};
use std::{
    error::Error,
    fmt::Write as _,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

/// What is not served: tests, documents, what only a type checker reads.
const LEFT_OUT: &[&str] = &["tests", "node_modules", "tsconfig.json"];
/// Where `index.html` finds its files, before they have a name of their own.
const PLACEHOLDER: &str = "app/dev/";
/// Small files do not become smaller on the wire.
const WORTH_COMPRESSING_BYTES: usize = 256;

fn main() -> Result<(), Box<dyn Error>> {
    let web = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web");
    println!("cargo::rerun-if-changed={}", web.display());
    let out = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("cargo names no folder for the output")?);

    let mut names = Vec::new();
    collect(&web, "", &mut names)?;
    names.sort();
    let mut hash = Sha256::new();
    let mut files = Vec::new();
    for name in names {
        let content = fs::read(web.join(&name))?;
        hash.update((name.len() as u64).to_le_bytes());
        hash.update(&name);
        hash.update((content.len() as u64).to_le_bytes());
        hash.update(&content);
        files.push((name, content));
    }
    let version: String = hash.finalize()[..8].iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    });

    let mut table = format!("const VERSION: &str = \"{version}\";\nstatic FILES: &[File] = &[\n");
    for (index, (name, mut content)) in files.into_iter().enumerate() {
        if name.matches('/').count() > 1 {
            return Err(format!("`web/{name}`: folders of folders are not served").into());
        }
        if name == "index.html" {
            let page = String::from_utf8(content)?;
            content = page.replace(PLACEHOLDER, &format!("app/{version}/")).into_bytes();
        }
        let content_type =
            content_type(&name).ok_or_else(|| format!("`web/{name}`: no media type is known for it"))?;
        let is_text = content_type.starts_with("text/")
            || content_type.contains("json")
            || content_type.contains("xml");
        let worth_it = is_text && content.len() >= WORTH_COMPRESSING_BYTES;
        let plain = store(&out, index, "plain", &content)?;
        let (gzip, brotli) = if worth_it {
            let gzip = store(&out, index, "gz", &gzipped(&content)?)?;
            let brotli = store(&out, index, "br", &brotlied(&content)?)?;
            (format!("Some({gzip})"), format!("Some({brotli})"))
        } else {
            ("None".to_owned(), "None".to_owned())
        };
        writeln!(
            table,
            "    File {{ name: {name:?}, content_type: {content_type:?}, plain: {plain}, gzip: {gzip}, brotli: {brotli} }},"
        )?;
    }
    table.push_str("];\n");
    fs::write(out.join("page.rs"), table)?;
    Ok(())
}

fn collect(folder: &Path, prefix: &str, names: &mut Vec<String>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry
            .file_name()
            .into_string()
            .map_err(|name| format!("{name:?} is not UTF-8"))?;
        if LEFT_OUT.contains(&name.as_str()) || name.starts_with('.') || name.ends_with(".d.ts") {
            continue;
        }
        let path = format!("{prefix}{name}");
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), &format!("{path}/"), names)?;
        } else {
            names.push(path);
        }
    }
    Ok(())
}

fn content_type(name: &str) -> Option<&'static str> {
    if name.ends_with("LICENSE") {
        return Some("text/plain; charset=utf-8");
    }
    Some(match name.rsplit('.').next()? {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "woff2" => "font/woff2",
        "md" | "txt" => "text/plain; charset=utf-8",
        _ => return None,
    })
}

/// Writes the content beside the table; what the table says to have it back.
fn store(out: &Path, index: usize, form: &str, content: &[u8]) -> Result<String, Box<dyn Error>> {
    let name = format!("page-{index}.{form}");
    fs::write(out.join(&name), content)?;
    Ok(format!("include_bytes!({:?})", out.join(&name)))
}

fn gzipped(content: &[u8]) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(content)?;
    Ok(encoder.finish()?)
}

fn brotlied(content: &[u8]) -> Result<Vec<u8>, Box<dyn Error>> {
    const BUFFER_BYTES: usize = 4096;
    const QUALITY: u32 = 11;
    const WINDOW_BITS: u32 = 22;
    let mut compressed = Vec::new();
    {
        let mut writer = brotli::CompressorWriter::new(&mut compressed, BUFFER_BYTES, QUALITY, WINDOW_BITS);
        writer.write_all(content)?;
    }
    Ok(compressed)
}
