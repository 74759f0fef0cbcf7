//! Hostile files: refused quickly or kept unread, and the service goes on.

use crate::support::{app_with_vendor, documents, get, list, messages, options, with_vendor};
use chatai_testkit::{
    app::{TestApp, User},
    provider::ScriptedProvider,
};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Longer than any limit of reading a file.
const LONGEST: Duration = Duration::from_secs(40);

async fn attach(user: &User, name: &str, bytes: &[u8]) -> (u16, Value) {
    let begun = Instant::now();
    let answer = user
        .chat_with_files(
            &[("text", "read this")],
            &[(name, "application/octet-stream", bytes)],
        )
        .await;
    assert!(begun.elapsed() < LONGEST, "{name}: {:?}", begun.elapsed());
    answer
}

/// Refused as the file's fault, with nothing written and no model called.
async fn expect_refused(app: &TestApp, provider: &ScriptedProvider, name: &str, bytes: &[u8]) {
    let user = app.register(&format!("{name}@example.com")).await;
    let calls = provider.counts().calls;
    let (status, body) = attach(&user, name, bytes).await;
    assert_eq!(
        (status, &body["code"]),
        (422, &json!("attachment_unreadable")),
        "{name}: {body}"
    );
    assert!(body["detail"].as_str().unwrap().contains(name), "{body}");
    assert_eq!(list(&user.get("/conversations/").await.1).len(), 0, "{name}");
    assert_eq!(provider.counts().calls, calls, "{name}");
    assert_eq!(get(app, "/readyz").await.status, 200, "{name}");
}

/// The resident memory of the program, in bytes.
fn resident(app: &TestApp) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", app.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1_024
}

#[tokio::test]
async fn bombs_in_documents() {
    let (app, provider) = app_with_vendor().await;
    let mut part = b"<?xml version=\"1.0\"?><w:document xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\">\
        <w:body><w:p><w:r><w:t>"
        .to_vec();
    part.resize(300 << 20, b'A');
    let bomb = documents::docx_of(&part);
    drop(part);
    assert!(bomb.len() < 1 << 20, "a bomb is small: {}", bomb.len());
    let before = resident(&app);
    expect_refused(&app, &provider, "bomb.docx", &bomb).await;
    let grown = resident(&app).saturating_sub(before);
    assert!(
        grown < 64 << 20,
        "the service itself reads nothing of it: {grown}"
    );
}

/// An entity that refers to itself a billion times is text that is never expanded.
#[tokio::test]
async fn xml_entities_never_expand() {
    let (app, provider) = app_with_vendor().await;
    let user = app.register("ada@example.com").await;
    let mut laughs = String::from("<?xml version=\"1.0\"?><!DOCTYPE w [<!ENTITY a0 \"hahahaha\">");
    for n in 1..10 {
        laughs.push_str(&format!(
            "<!ENTITY a{n} \"{}\">",
            format!("&a{};", n - 1).repeat(10)
        ));
    }
    let external = "<?xml version=\"1.0\"?><!DOCTYPE w [<!ENTITY x SYSTEM \"file:///etc/passwd\">\
                    <!ENTITY % y SYSTEM \"http://127.0.0.1:9/evil.dtd\"> %y;]>";
    let body = |entity: &str| {
        format!(
            "<w:document xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\"><w:body><w:p><w:r>\
             <w:t>before &{entity}; after</w:t></w:r></w:p></w:body></w:document>"
        )
    };
    for (name, part) in [
        ("laughs.docx", format!("{laughs}]>{}", body("a9"))),
        ("external.docx", format!("{external}{}", body("x"))),
    ] {
        let (status, sent) = attach(&user, name, &documents::docx_of(part.as_bytes())).await;
        match status {
            200 => {
                let calls = provider.answer_calls();
                let given = String::from_utf8_lossy(&calls.last().unwrap().body).into_owned();
                assert!(
                    !given.contains("root:") && !given.contains("hahahahahahahaha"),
                    "{given}"
                );
            }
            422 => assert_eq!(sent["code"], "attachment_unreadable"),
            other => panic!("{name}: {other}: {sent}"),
        }
        assert_eq!(get(&app, "/readyz").await.status, 200);
    }
}

#[tokio::test]
async fn a_pdf_of_a_million_pages() {
    let (app, provider) = app_with_vendor().await;
    let kids = "3 0 R ".repeat(1_000_000);
    let pdf = documents::pdf_of(&[
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        format!("<< /Type /Pages /Kids [{kids}] /Count 1000000 >>"),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 1 1] /Contents 4 0 R >>".to_owned(),
        "<< /Length 2 >>\nstream\nBT\nendstream".to_owned(),
    ]);
    let user = app.register("ada@example.com").await;
    let (status, body) = attach(&user, "pages.pdf", &pdf).await;
    assert!(status == 422 || status == 200, "{status}: {body}");
    assert_eq!(get(&app, "/readyz").await.status, 200);
    assert!(provider.counts().calls <= 2);
}

#[tokio::test]
async fn pdfs_that_go_round_in_circles_or_too_deep() {
    let (app, _provider) = app_with_vendor().await;
    let user = app.register("ada@example.com").await;
    let cycle = documents::pdf_of(&[
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 /Parent 3 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [2 0 R 3 0 R] /Count 1 /Parent 2 0 R >>".to_owned(),
    ]);
    let deep = documents::pdf_of(&[
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        format!(
            "<< /Type /Pages /Kids {}{} >>",
            "[".repeat(500_000),
            "]".repeat(500_000)
        ),
    ]);
    let nonsense = [b"%PDF-1.7\n".as_slice(), &[0xff; 10_000]].concat();
    for (name, pdf) in [
        ("cycle.pdf", cycle),
        ("deep.pdf", deep),
        ("nonsense.pdf", nonsense),
    ] {
        let (status, body) = attach(&user, name, &pdf).await;
        assert!(status == 422 || status == 200, "{name}: {status}: {body}");
        if status == 422 {
            assert_eq!(body["code"], "attachment_unreadable");
        }
        assert_eq!(get(&app, "/readyz").await.status, 200, "{name}");
    }
}

/// Refused by its header, before a pixel is decoded.
#[tokio::test]
async fn a_picture_of_50_000_by_50_000() {
    let (app, provider) = app_with_vendor().await;
    let mut png = crate::chat::PNG.to_vec();
    png[16..20].copy_from_slice(&50_000_u32.to_be_bytes());
    png[20..24].copy_from_slice(&50_000_u32.to_be_bytes());
    let begun = Instant::now();
    expect_refused(&app, &provider, "large.png", &png).await;
    assert!(begun.elapsed() < Duration::from_secs(5));
}

/// Archives are listed, not unpacked: nothing slips out of them.
#[tokio::test]
async fn slips_and_strange_archives_write_nothing() {
    let (mut app, _provider) = app_with_vendor().await;
    let user = app.register("ada@example.com").await;
    let slip = documents::archive(&[
        ("../../../../tmp/chatai-slipped", b"x"),
        ("/etc/chatai-slipped", b"x"),
        ("..\\..\\chatai-slipped", b"x"),
    ]);
    let many: Vec<(String, &[u8])> = (0..5_000).map(|n| (format!("{n}"), &b"x"[..])).collect();
    let many: Vec<(&str, &[u8])> = many
        .iter()
        .map(|(name, content)| (name.as_str(), *content))
        .collect();
    for (name, bytes) in [
        ("slip.zip", slip),
        ("many.zip", documents::archive(&many)),
        ("cut.zip", documents::archive(&[("a", b"x")])[..20].to_vec()),
        (
            "empty.zip",
            b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0".to_vec(),
        ),
    ] {
        let (status, body) = attach(&user, name, &bytes).await;
        assert!(status == 200 || status == 422, "{name}: {status}: {body}");
    }
    for path in ["/tmp/chatai-slipped", "/etc/chatai-slipped"] {
        assert!(!std::path::Path::new(path).exists());
    }
    assert!(app.terminate().await.success());
    let entries = std::fs::read_dir(app.folder()).unwrap();
    let names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(names.len(), 2, "data and the log: {names:?}");
}

/// The extension says nothing: content does.
#[tokio::test]
async fn wrong_extensions() {
    let (app, provider) = app_with_vendor().await;
    let user = app.register("ada@example.com").await;
    let page: &[u8] = b"<!doctype html><p>truth</p><script>lie()</script>";
    for (name, bytes, seen, unseen) in [
        ("photo.png", page, "truth", "lie()"),
        (
            "page.html",
            &documents::pdf("inside a pdf")[..],
            "inside a pdf",
            "endobj",
        ),
        (
            "sheet.xlsx",
            &documents::docx("inside a letter")[..],
            "inside a letter",
            "PK",
        ),
    ] {
        let (status, body) = attach(&user, name, bytes).await;
        assert_eq!(status, 200, "{name}: {body}");
        let calls = provider.answer_calls();
        let given = json!(calls.last().unwrap().input()).to_string();
        assert!(given.contains(seen) && !given.contains(unseen), "{name}: {given}");
    }
}

/// Many at once wait or are refused with a time, and honest files get through afterwards.
#[tokio::test]
async fn many_hostile_files_at_once() {
    let (app, _provider) = with_vendor(options()).await;
    let user = app.register("ada@example.com").await;
    let deep = documents::pdf_of(&[
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        format!(
            "<< /Type /Pages /Kids {}{} >>",
            "[".repeat(100_000),
            "]".repeat(100_000)
        ),
    ]);
    let sending: Vec<_> = (0..12)
        .map(|_| {
            let (user, pdf) = (user.clone(), deep.clone());
            tokio::spawn(async move { attach(&user, "deep.pdf", &pdf).await })
        })
        .collect();
    // Everything else goes on meanwhile.
    assert_eq!(user.get("/users/me").await.0, 200);
    for sent in sending {
        let (status, body) = sent.await.unwrap();
        assert!([200, 422, 503].contains(&status), "{status}: {body}");
    }
    let (status, body) = attach(&user, "letter.docx", &documents::docx("honest")).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(messages(&user, &body["conversation_id"]).await.len(), 2);
}
