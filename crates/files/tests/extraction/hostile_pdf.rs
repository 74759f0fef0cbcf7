//! PDF files made to do harm, as in `hostile.rs`.

use crate::fixtures::{pdf, zip};
use crate::hostile::is_broken;
use crate::{harness, patient, read, read_with};
use chatai_files::{ExtractError, Limits};
use std::io::Cursor;
use std::time::Duration;

harness::tests![
    locked_pdf_says_so,
    deeply_nested_pdf_ends_at_most_the_child,
    page_tree_cycles_end,
    parent_cycles_end_at_most_the_child,
    a_million_pages_are_cut,
    a_million_claimed_pages_are_not_believed,
    compressed_pdf_bombs_end_the_child,
    calling_forms_run_out_of_time,
];

fn locked_pdf_says_so() {
    use lopdf::{Document, EncryptionState, EncryptionVersion, Object, Permissions, StringFormat};
    let mut document = Document::load_mem(&pdf::pages(&[&pdf::line(b"secret")])).unwrap();
    let id = || Object::String(vec![7; 16], StringFormat::Hexadecimal);
    document.trailer.set("ID", vec![id(), id()]);
    let version = EncryptionVersion::V2 {
        document: &document,
        owner_password: "owner",
        user_password: "user",
        key_length: 128,
        permissions: Permissions::all(),
    };
    let state = EncryptionState::try_from(version).unwrap();
    document.encrypt(&state).unwrap();
    let mut file = Vec::new();
    document.save_to(&mut file).unwrap();
    let Err(ExtractError::Broken(reason)) = read("a.pdf", file) else {
        panic!()
    };
    assert!(reason.contains("password"), "{reason}");
}

fn deeply_nested_pdf_ends_at_most_the_child() {
    for (open, close) in [("[", "]"), ("<< /A ", " >>"), ("(", ")")] {
        let nested = format!("{}{}", open.repeat(100_000), close.repeat(100_000));
        let objects = [pdf::CATALOG, "<< /Type /Pages /Kids [] /Count 0 >>", &nested];
        assert!(read("a.pdf", pdf::pdf(&objects)).is_err());
        // In a page's content as well.
        let content = format!("BT /F1 12 Tf (before) Tj {nested} TJ ET");
        let result = read("a.pdf", pdf::pages(&[content.as_bytes()]));
        assert!(
            !matches!(result, Err(ExtractError::Timeout | ExtractError::Unavailable(_))),
            "{result:?}"
        );
    }
}

fn page_tree_cycles_end() {
    let file = pdf::pdf(&[
        pdf::CATALOG,
        "<< /Type /Pages /Kids [3 0 R 2 0 R] /Count 2 >>",
        "<< /Type /Pages /Parent 2 0 R /Kids [2 0 R 3 0 R] /Count 2 >>",
    ]);
    let result = read("a.pdf", file);
    assert!(is_broken(&result), "{result:?}");
}

fn parent_cycles_end_at_most_the_child() {
    let file = pdf::pdf(&[
        pdf::CATALOG,
        "<< /Type /Pages /Kids [4 0 R] /Count 1 /Parent 3 0 R >>",
        "<< /Type /Pages /Parent 2 0 R >>",
        "<< /Type /Page /Parent 2 0 R >>",
    ]);
    let result = read("a.pdf", file);
    assert!(
        is_broken(&result) || result == Err(ExtractError::Crashed),
        "{result:?}"
    );
}

fn a_million_pages_are_cut() {
    let kids = "3 0 R ".repeat(1_000_000);
    let pages = format!("<< /Type /Pages /Kids [{kids}] /Count 1000000 /MediaBox [0 0 9 9] >>");
    let mut objects = vec![pdf::CATALOG, &pages, "<< /Type /Page /Parent 2 0 R >>"];
    // The parser sees at most as many pages as there are objects.
    objects.extend(["null"; 5_000]);
    let result = read("a.pdf", pdf::pdf(&objects));
    let Ok(chatai_files::Content::Text(cut)) = result else {
        panic!("{result:?}")
    };
    assert!(cut.truncated);
}

fn a_million_claimed_pages_are_not_believed() {
    let pages = "<< /Type /Pages /Kids [3 0 R 9 0 R] /Count 2147483647 /MediaBox [0 0 612 792] >>";
    let result = read(
        "a.pdf",
        pdf::pdf(&[pdf::CATALOG, pages, "<< /Type /Page /Parent 2 0 R >>"]),
    );
    assert!(matches!(result, Ok(chatai_files::Content::Text(_))), "{result:?}");
}

fn compressed_pdf_bombs_end_the_child() {
    // Compressed twice, so that some kilobytes stand for a gigabyte.
    let zeros = zip::with_zeros(zip::archive::<&str, &str>(&[]), "z", 1024);
    let once = zlib_of_entry(&zeros);
    let twice = zlib_of_entry(&zip::archive(&[("z", &once)]));
    let file = pdf::pdf(&[
        pdf::CATALOG.as_bytes().to_vec(),
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 /MediaBox [0 0 612 792] >>".to_vec(),
        b"<< /Type /Page /Parent 2 0 R /Contents 4 0 R >>".to_vec(),
        pdf::stream("/Filter [/FlateDecode /FlateDecode]", &twice),
    ]);
    assert!(file.len() < 100_000);
    // Either the page is seen to be too much, or the child has no memory for it.
    let result = read("a.pdf", file);
    assert!(
        matches!(result, Err(ExtractError::Hostile(_) | ExtractError::OutOfMemory)),
        "{result:?}"
    );
}

/// The compressed bytes of an archive's only entry, with the two bytes in front that make them a zlib stream.
/// Its checksum is left out; readers that stop at the end of the data do not miss it.
fn zlib_of_entry(archive: &[u8]) -> Vec<u8> {
    let mut archive = ::zip::ZipArchive::new(Cursor::new(archive)).unwrap();
    let entry = archive.by_index_raw(0).unwrap();
    let mut bytes = vec![0x78, 0x01];
    std::io::Read::read_to_end(&mut { entry }, &mut bytes).unwrap();
    bytes
}

/// Thirty forms, each of which shows the next one twice.
pub(crate) fn calling_forms() -> Vec<u8> {
    let mut objects = vec![
        pdf::CATALOG.as_bytes().to_vec(),
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 /MediaBox [0 0 612 792] >>".to_vec(),
        b"<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Resources << /XObject << /X 5 0 R >> >> >>".to_vec(),
        pdf::stream("", b"/X Do"),
    ];
    for number in 5..35 {
        let next = number + 1;
        let entries = format!(
            "/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /X {next} 0 R >> >>"
        );
        objects.push(pdf::stream(&entries, b"/X Do /X Do"));
    }
    objects.push(pdf::stream(
        "/Type /XObject /Subtype /Form /BBox [0 0 9 9]",
        b"q Q",
    ));
    pdf::pdf(&objects)
}

fn calling_forms_run_out_of_time() {
    let limits = Limits {
        cpu_time: Duration::from_secs(1),
        wall_time: Duration::from_secs(600),
        ..patient()
    };
    // With ten minutes by the clock, only the limit of processor time can have ended it.
    assert_eq!(
        read_with(limits, "a.pdf", calling_forms()),
        Err(ExtractError::Timeout)
    );
}
