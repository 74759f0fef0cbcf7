//! Files made to do harm, names made to lead elsewhere, and what a browser is told about files.

use crate::support::*;
use chatai_testkit::app::User;
use serde_json::{Value, json};
use std::{
    io::{Cursor, Write},
    time::{Duration, Instant},
};
use zip::{ZipWriter, write::SimpleFileOptions};

/// How long a hostile file may keep its sender waiting. Bounded reading takes far less; a busy machine may not.
const SOON: Duration = Duration::from_secs(20);

/// An archive of these entries.
fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in entries {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

const TYPES: &str = r#"<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="xml" ContentType="application/xml"/></Types>"#;
const RELATIONS: &str = r#"<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/></Relationships>"#;

/// A Word document; `before` stands before its root.
fn docx(before: &str, words: &str, more: &[(&str, &[u8])]) -> Vec<u8> {
    let document = format!(
        r#"<?xml version="1.0"?>{before}<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body><w:p><w:r><w:t>{words}</w:t></w:r></w:p></w:body></w:document>"#
    );
    let mut entries: Vec<(&str, &[u8])> = vec![
        ("[Content_Types].xml", TYPES.as_bytes()),
        ("_rels/.rels", RELATIONS.as_bytes()),
        ("word/document.xml", document.as_bytes()),
    ];
    entries.extend(more);
    archive(&entries)
}

/// A billion laughs, as a document type.
fn laughs() -> String {
    let mut laughs = "<!DOCTYPE lolz [<!ENTITY lol0 \"lol\">".to_owned();
    for level in 1..10 {
        laughs += &format!(
            "<!ENTITY lol{level} \"{}\">",
            format!("&lol{};", level - 1).repeat(10)
        );
    }
    laughs + "]>"
}

/// A PDF file of these objects, numbered from 1; the first is the catalog.
fn pdf(objects: &[String]) -> Vec<u8> {
    let mut file = b"%PDF-1.7\n".to_vec();
    let mut places = Vec::new();
    for (index, object) in objects.iter().enumerate() {
        places.push(file.len());
        file.extend(format!("{} 0 obj\n{object}\nendobj\n", index + 1).bytes());
    }
    let table = file.len();
    file.extend(format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1).bytes());
    for place in places {
        file.extend(format!("{place:010} 00000 n \n").bytes());
    }
    let size = objects.len() + 1;
    file.extend(format!("trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n").bytes());
    file
}

const CATALOG: &str = "<< /Type /Catalog /Pages 2 0 R >>";

fn png(width: u32, height: u32) -> Vec<u8> {
    let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    png.extend([width.to_be_bytes(), height.to_be_bytes()].concat());
    png.extend(b"\x08\x06\0\0\0\0\0\0\0");
    png
}

/// The most memory the process has held so far, in bytes.
fn peak_memory(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

/// Sends one file; status, body, and that it took no longer than it may.
async fn upload(user: &User, name: &str, file: &[u8]) -> (u16, Value) {
    let begun = Instant::now();
    let files = [(name, "application/octet-stream", file)];
    let said = user.chat_with_files(&[("text", "What is in it?")], &files).await;
    assert!(begun.elapsed() < SOON, "{name}: {:?}", begun.elapsed());
    said
}

#[tokio::test]
async fn hostile_files_are_refused_and_leave_nothing() {
    let (mut app, provider) = with_vendor(options()).await;
    let user = app.register("a@example.com").await;
    let zeros = vec![0; 300 << 20];
    let inner = docx("", "&lol9;", &[]);
    let entries: Vec<(String, &[u8])> = (0..10_001)
        .map(|number| (format!("word/{number}"), &b""[..]))
        .collect();
    let entries: Vec<(&str, &[u8])> = entries
        .iter()
        .map(|(name, content)| (name.as_str(), *content))
        .collect();
    let mut climbing = docx("", "x", &[("NNNNNNNNNNNNNNNN", b"x")]);
    replace(&mut climbing, b"NNNNNNNNNNNNNNNN", b"../../etc/passwd");
    let mut linked = ZipWriter::new_append(Cursor::new(docx("", "x", &[]))).unwrap();
    linked
        .add_symlink("word/link", "/etc/passwd", SimpleFileOptions::default())
        .unwrap();
    let linked = linked.finish().unwrap().into_inner();
    let external = "<!DOCTYPE x [<!ENTITY file SYSTEM \"file:///etc/passwd\">]>";
    let mut calls = 0;
    for (name, file) in [
        ("bomb.docx", docx("", "x", &[("word/media/zeros", &zeros)])),
        ("renamed.txt", docx("", "x", &[("word/media/zeros", &zeros)])),
        (
            "bomb.xlsx",
            archive(&[
                ("xl/workbook.xml", b"<workbook/>"),
                ("xl/worksheets/sheet1.xml", &zeros),
            ]),
        ),
        ("many.docx", docx("", "x", &entries)),
        ("climbing.docx", climbing),
        ("linked.docx", linked),
        ("laughs.docx", docx(&laughs(), "&lol9;", &[])),
        (
            "laughs.xlsx",
            archive(&[("xl/workbook.xml", format!("{}<workbook/>", laughs()).as_bytes())]),
        ),
        ("undefined.docx", inner),
        ("external.docx", docx(external, "&file;", &[])),
        ("huge.png", png(50_000, 50_000)),
        ("huge.jpg", png(2_000_000_000, 2_000_000_000)),
    ] {
        let (status, said) = upload(&user, name, &file).await;
        assert_eq!(
            (status, &said["code"]),
            (422, &json!("attachment_unreadable")),
            "{name}: {said}"
        );
        assert!(text(&said["detail"]).contains(name), "{said}");
        assert!(!said.to_string().contains("root:"), "{said}");
        calls += 1;
        assert_eq!(user.get("/users/me").await.0, 200, "{name} did harm");
    }
    assert!(calls >= 12);
    assert_eq!(provider.counts().calls, 0, "a refused message went to the vendor");
    let (_, listed) = user.get("/conversations/").await;
    assert_eq!(listed, json!([]));
    // The bodies themselves are small; what was inside never came into the service's memory.
    let peak = peak_memory(app.pid());
    assert!(peak < 250 << 20, "{} MiB", peak >> 20);
    app.terminate().await;
    let rows = Rows::of(&app);
    for table in ["blobs", "attachments", "messages", "conversations"] {
        assert_eq!(rows.count(&format!("select count(*) from {table}")), 0, "{table}");
    }
}

fn replace(bytes: &mut [u8], from: &[u8], to: &[u8]) {
    for at in 0..=bytes.len() - from.len() {
        if bytes[at..].starts_with(from) {
            bytes[at..at + from.len()].copy_from_slice(to);
        }
    }
}

/// A reader that runs out of time, memory or stack dies alone; what can be read in part is.
#[tokio::test]
async fn hostile_pdf_files_end_at_most_their_reader() {
    let (app, provider) = with_vendor(options()).await;
    let user = app.register("a@example.com").await;
    let page = "<< /Type /Page /Parent 2 0 R >>".to_owned();
    let pages = |kids: &str, count: &str| {
        format!("<< /Type /Pages /Kids [{kids}] /Count {count} /MediaBox [0 0 612 792] >>")
    };
    let mut million = vec![
        CATALOG.to_owned(),
        pages(&"3 0 R ".repeat(1_000_000), "1000000"),
        page.clone(),
    ];
    million.extend(vec!["null".to_owned(); 5_000]);
    let nested = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for (name, file) in [
        ("million.pdf", pdf(&million)),
        (
            "claimed.pdf",
            pdf(&[CATALOG.to_owned(), pages("3 0 R", "2147483647"), page.clone()]),
        ),
        (
            "nested.pdf",
            pdf(&[CATALOG.to_owned(), pages("3 0 R", "1"), page.clone(), nested]),
        ),
        (
            "cycle.pdf",
            pdf(&[CATALOG.to_owned(), pages("2 0 R 3 0 R", "2"), pages("2 0 R", "1")]),
        ),
        (
            "cut.pdf",
            pdf(&[CATALOG.to_owned(), pages("3 0 R", "1"), page])[..120].to_vec(),
        ),
        ("noise.pdf", [b"%PDF-1.7\n".as_slice(), &[0xAA; 5_000]].concat()),
    ] {
        let before = provider.counts().calls;
        let (status, said) = upload(&user, name, &file).await;
        match status {
            200 => assert!(provider.counts().calls > before),
            _ => {
                assert_eq!(
                    (status, &said["code"]),
                    (422, &json!("attachment_unreadable")),
                    "{name}: {said}"
                );
                assert_eq!(provider.counts().calls, before, "{name}");
            }
        }
        assert_eq!(user.get("/users/me").await.0, 200, "{name} did harm");
    }
    let peak = peak_memory(app.pid());
    assert!(peak < 250 << 20, "{} MiB", peak >> 20);
}

/// A multipart body with a file's name and type as raw bytes.
fn raw_form(name: &str, content_type: &str, content: &str) -> Vec<u8> {
    format!(
        "--b\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\nlook\r\n--b\r\nContent-Disposition: form-data; \
         name=\"files\"; filename=\"{name}\"\r\nContent-Type: {content_type}\r\n\r\n{content}\r\n--b--\r\n"
    )
    .into_bytes()
}

#[tokio::test]
async fn names_lead_nowhere_and_browsers_run_nothing() {
    let app = app().await;
    let user = app.register("a@example.com").await;
    let html = "<!doctype html><script>document.title = document.cookie</script>";
    for (name, content_type) in [
        ("../../etc/passwd", "text/plain"),
        ("..\\\\..\\\\boot.ini", "text/plain"),
        ("/etc/cron.d/evil", "text/plain"),
        ("....//....//x", "text/plain"),
        ("%2e%2e%2fx", "text/plain"),
        ("CON", "text/plain"),
        ("~/.ssh/authorized_keys", "text/plain"),
        ("page.html", "text/html"),
        ("page.svg", "image/svg+xml"),
        ("page.xhtml", "application/xhtml+xml"),
        ("script.js", "text/javascript"),
        ("x.txt", "text/html; charset=utf-7"),
        ("<img src=x onerror=alert(1)>.txt", "text/plain"),
        ("a%0d%0aSet-Cookie: x=1.txt", "text/plain"),
        ("a\u{85}\u{2028}b.txt", "text/plain"),
        ("evil\u{202e}fdp.exe", "application/x-msdownload"),
        ("a; filename=evil.html; x=.txt", "text/plain"),
        ("ünïcödé 書.txt", "text/plain"),
        ("no type", "nonsense"),
        (
            "long",
            "text/plain; x=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        ),
    ] {
        let call = user
            .call(reqwest::Method::POST, "/chat/")
            .header("content-type", "multipart/form-data; boundary=b");
        let turn = send(call.body(raw_form(name, content_type, html))).await;
        assert_eq!(turn.status, 200, "{name}: {turn:?}");
        let stored = messages(&user, &turn.json()["conversation_id"]).await;
        let file = &stored[0]["attachments"][0];
        let kept = text(&file["filename"]);
        assert!(
            !kept.contains(['/', '\\', '\r', '\n', '\u{202e}', '\u{2028}']) && !kept.contains(".."),
            "{kept:?}"
        );
        assert!(!kept.is_empty());

        let download = get_as(&user, &format!("/attachments/{}", file["id"])).await;
        assert_eq!((download.status, download.text.as_str()), (200, html), "{name}");
        let disposition = download.header("content-disposition");
        assert!(
            disposition.starts_with("attachment; filename=\""),
            "{disposition}"
        );
        assert!(
            disposition.bytes().all(|byte| matches!(byte, b' '..=b'~')),
            "{disposition}"
        );
        let plain = disposition.split('"').nth(1).unwrap();
        let rest = disposition.split('"').nth(2).unwrap();
        assert!(
            rest.is_empty() || rest.starts_with("; filename*=UTF-8''"),
            "{disposition}"
        );
        assert!(!plain.contains("..") && !plain.contains('/'), "{disposition}");
        assert_eq!(download.header("x-content-type-options"), "nosniff");
        assert!(
            download.header("content-security-policy").contains("sandbox"),
            "{download:?}"
        );
        assert_eq!(download.headers.get_all("content-type").iter().count(), 1);
        assert!(!download.headers.contains_key("set-cookie"));
        assert!(
            download.header("cache-control").contains("private")
                || download.header("cache-control").contains("no-store")
        );
    }
    // Nothing was written under any of these names.
    let mut names: Vec<String> = std::fs::read_dir(app.data_dir())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert!(
        names
            .iter()
            .all(|name| name.starts_with("chatai.db") || name == "jwt_secret"),
        "{names:?}"
    );
}

/// A name says nothing: what a file is, is seen from its bytes.
#[tokio::test]
async fn content_decides_what_a_file_is() {
    let (app, provider) = with_vendor(options()).await;
    let user = app.register("a@example.com").await;
    for (name, file, sees) in [
        (
            "letter.png",
            docx("", "words of a letter", &[]),
            "words of a letter",
        ),
        ("table.exe", b"name,number\nApollo,11\n".to_vec(), "Apollo"),
        (
            "picture.pdf",
            b"not a picture but plain words".to_vec(),
            "plain words",
        ),
    ] {
        let (status, said) = upload(&user, name, &file).await;
        assert_eq!(status, 200, "{name}: {said}");
        let call = provider.answer_calls().pop().unwrap();
        assert!(call.json().to_string().contains(sees), "{name}: {}", call.json());
    }
    // A program is kept as it is and never shown to a model as text.
    let (status, said) = upload(
        &user,
        "notes.txt",
        b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0secretsymbol",
    )
    .await;
    assert_eq!(status, 200, "{said}");
    let call = provider.answer_calls().pop().unwrap();
    assert!(
        !call.json().to_string().contains("secretsymbol"),
        "{}",
        call.json()
    );
    assert!(!app.log().contains("secretsymbol"));
}
