//! Files made to do harm: each is refused, or ends its child, within the reader's own deadline. None runs into that
//! deadline unless its name says so. PDF files are in `hostile_pdf.rs`.

use crate::fixtures::{office, pdf, zip};
use crate::{harness, patient, read, read_with, text};
use ::zip::ZipWriter;
use ::zip::write::SimpleFileOptions;
use chatai_files::{ExtractError, Limits};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};
use std::io::Cursor;
use std::time::Duration;

harness::tests![
    declared_bombs_are_refused,
    lying_bombs_are_refused,
    a_gigabyte_of_zeros_is_refused,
    many_small_entries_are_counted_together,
    nested_archives_are_not_opened,
    too_many_entries_are_refused,
    paths_that_lead_out_are_refused,
    links_are_refused,
    entities_never_multiply,
    locked_documents_say_so,
    cut_off_files_are_broken,
    empty_containers_are_broken,
    huge_pictures_are_refused,
    documents_that_need_too_much_memory_end_the_child,
    damaged_files_end_at_most_the_child,
    deeply_nested_pages_end_at_most_the_child,
    deeply_nested_documents_are_read,
];

fn is_hostile(result: Result<chatai_files::Content, ExtractError>) -> bool {
    matches!(result, Err(ExtractError::Hostile(_)))
}

pub(crate) fn is_broken(result: &Result<chatai_files::Content, ExtractError>) -> bool {
    matches!(result, Err(ExtractError::Broken(_)))
}

fn small_docx() -> Vec<u8> {
    office::docx(&office::paragraph("", "x"))
}

fn small_xlsx() -> Vec<u8> {
    office::xlsx(&[("S", "<row r=\"1\"><c r=\"A1\"><v>1</v></c></row>")], &[])
}

fn declared_bombs_are_refused() {
    for (name, mut file) in [("a.docx", small_docx()), ("a.xlsx", small_xlsx())] {
        zip::declare_size(&mut file, "_rels/.rels", 3 << 30);
        assert!(is_hostile(read(name, file)), "{name}");
    }
}

fn lying_bombs_are_refused() {
    for (name, file) in [
        ("a.docx", small_docx()),
        ("a.xlsx", small_xlsx()),
        ("a.zip", zip::archive(&[("a", "b")])),
    ] {
        let mut bomb = zip::with_zeros(file, "media/zeros.bin", 300);
        zip::declare_size(&mut bomb, "media/zeros.bin", 1000);
        let result = read(name, bomb);
        assert!(
            matches!(result, Err(ExtractError::Hostile(_) | ExtractError::Broken(_))),
            "{name}: {result:?}"
        );
    }
}

fn a_gigabyte_of_zeros_is_refused() {
    for (name, file) in [("a.docx", small_docx()), ("a.xlsx", small_xlsx())] {
        assert!(
            is_hostile(read(name, zip::with_zeros(file, "media/zeros.bin", 1024))),
            "{name}"
        );
    }
}

fn many_small_entries_are_counted_together() {
    let mut file = small_docx();
    for part in 0..3 {
        file = zip::with_zeros(file, &format!("media/{part}.bin"), 200);
    }
    assert!(is_hostile(read("a.docx", file)));
}

fn nested_archives_are_not_opened() {
    let inner = zip::with_zeros(zip::archive(&[("a", "b")]), "zeros.bin", 300);
    let outer = zip::archive(&[("inner.zip", &inner)]);
    assert!(matches!(read("a.zip", outer), Ok(chatai_files::Content::Text(_))));
}

fn too_many_entries_are_refused() {
    let entries: Vec<_> = (0..10_001).map(|number| (format!("{number}"), "")).collect();
    assert!(is_hostile(read("a.zip", zip::archive(&entries))));
}

fn paths_that_lead_out_are_refused() {
    for path in [
        "../../etc/passwd",
        "a/../../b",
        "/etc/passwd",
        "..\\..\\x",
        "C:\\x",
        "\\\\host\\x",
    ] {
        // The writer tidies names, so a name of the same length is replaced in its bytes.
        let stand_in = "N".repeat(path.len());
        let files = [
            ("a.zip", zip::archive(&[(stand_in.as_str(), "x")])),
            (
                "a.docx",
                office::docx_with(&office::paragraph("", "x"), &[(&stand_in, "x")]),
            ),
        ];
        for (name, mut file) in files {
            for at in 0..file.len() - path.len() {
                if file[at..].starts_with(stand_in.as_bytes()) {
                    file[at..at + path.len()].copy_from_slice(path.as_bytes());
                }
            }
            assert!(is_hostile(read(name, file)), "{name} with {path}");
        }
    }
}

fn links_are_refused() {
    for (name, file) in [("a.zip", zip::archive(&[("a", "b")])), ("a.docx", small_docx())] {
        let mut writer = ZipWriter::new_append(Cursor::new(file)).unwrap();
        writer
            .add_symlink("link", "/etc/passwd", SimpleFileOptions::default())
            .unwrap();
        assert!(
            is_hostile(read(name, writer.finish().unwrap().into_inner())),
            "{name}"
        );
    }
}

fn entities_never_multiply() {
    let mut laughs = "<!DOCTYPE lolz [<!ENTITY lol0 \"lol\">".to_owned();
    for level in 1..10 {
        let calls = format!("&lol{};", level - 1).repeat(10);
        laughs += &format!("<!ENTITY lol{level} \"{calls}\">");
    }
    laughs += "]>";
    let document = format!(
        "{laughs}<w:document><w:body>{}</w:body></w:document>",
        office::paragraph("", "&lol9;")
    );
    assert!(is_hostile(read(
        "a.docx",
        zip::archive(&[("word/document.xml", document.as_str())])
    )));

    let outside = "<!DOCTYPE x SYSTEM \"file:///etc/passwd\"><styles/>";
    assert!(is_hostile(read(
        "a.docx",
        office::docx_with("", &[("word/styles.xml", outside)])
    )));
    let workbook = zip::archive(&[("xl/workbook.xml", format!("{laughs}<workbook/>"))]);
    assert!(is_hostile(read("a.xlsx", workbook)));
    // An entity without its definition stands for nothing either.
    assert!(is_hostile(read(
        "a.docx",
        office::docx(&office::paragraph("", "&lol9;"))
    )));
    // As a file of its own it is text, shown as it stands.
    assert_eq!(
        text(
            "a.xml",
            format!("<?xml version=\"1.0\"?>{laughs}<a>&lol9;</a>").into_bytes()
        )
        .matches("lol9")
        .count(),
        2
    );
    // Web pages know no entities but the standard's.
    assert!(text("a.html", format!("{laughs}<html><p>&lol9;</p>").into_bytes()).len() < 2000);
}

fn locked_documents_say_so() {
    for (name, mut file) in [("a.docx", small_docx()), ("a.xlsx", small_xlsx())] {
        zip::mark_encrypted(&mut file);
        let Err(ExtractError::Broken(reason)) = read(name, file) else {
            panic!("{name}")
        };
        assert!(reason.contains("password"), "{name}: {reason}");
    }
}

fn cut_off_files_are_broken() {
    for (name, file) in [
        ("a.docx", small_docx()),
        ("a.xlsx", small_xlsx()),
        ("a.pdf", pdf::pages(&[&pdf::line(b"words")])),
    ] {
        for length in [10, file.len() / 2, file.len() * 9 / 10] {
            let result = read(name, file[..length].to_vec());
            assert!(is_broken(&result), "{name} cut to {length} bytes: {result:?}");
        }
    }
    let mut damaged = small_docx();
    let middle = damaged.len() / 3;
    damaged[middle..middle + 20].fill(0xAA);
    let result = read("a.docx", damaged);
    assert!(is_broken(&result), "{result:?}");
}

fn empty_containers_are_broken() {
    for (name, file) in [
        ("a.docx", zip::archive(&[("word/document.xml", "")])),
        ("a.xlsx", zip::archive(&[("xl/workbook.xml", "")])),
        ("a.pdf", b"%PDF-1.7\n".to_vec()),
        (
            "b.pdf",
            pdf::pdf(&[pdf::CATALOG, "<< /Type /Pages /Kids [] /Count 0 >>"]),
        ),
        ("c.pdf", pdf::pdf(&["<< /Type /Catalog >>"])),
    ] {
        let result = read(name, file);
        // A document without a single element is an empty one.
        assert!(is_broken(&result) || name == "a.docx", "{name}: {result:?}");
    }
}

fn huge_pictures_are_refused() {
    let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    png.extend([50_000_u32.to_be_bytes(), 50_000_u32.to_be_bytes()].concat());
    png.extend(b"\x08\x06\0\0\0\0\0\0\0");
    assert!(is_hostile(read("a.png", png)));
}

fn documents_that_need_too_much_memory_end_the_child() {
    let limits = || Limits {
        memory_bytes: 96 << 20,
        ..patient()
    };
    // One large piece, whose reading fails in good order.
    let spaces = " ".repeat(66 << 20);
    let document = office::docx_with("", &[("word/styles.xml", &office::word_part("styles", &spaces))]);
    assert_eq!(
        read_with(limits(), "a.docx", document),
        Err(ExtractError::OutOfMemory)
    );
    // Many small ones, for which the allocator ends the process.
    let strings = vec!["some words that do not fit into a small place"; 1_500_000];
    assert_eq!(
        read_with(limits(), "a.xlsx", office::xlsx(&[("S", "")], &strings)),
        Err(ExtractError::OutOfMemory)
    );
}

fn damaged_files_end_at_most_the_child() {
    let page = b"<!doctype html><html><table><tr><td>x<p>y</table><ul><li>z</html>".to_vec();
    let files = [
        ("a.docx", small_docx()),
        ("a.xlsx", small_xlsx()),
        ("a.pdf", pdf::page_with_unicode_table("words")),
        ("a.html", page),
    ];
    let mut runner = TestRunner::new(Config {
        cases: 200,
        failure_persistence: None,
        ..Config::default()
    });
    let damages = (
        0..files.len(),
        prop::collection::vec((any::<Index>(), any::<u8>()), 1..8),
    );
    let outcome = runner.run(&damages, |(file, damages)| {
        let (name, mut bytes) = files[file].clone();
        for (place, byte) in damages {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        match read(name, bytes) {
            Ok(_) => Ok(()),
            Err(error) => {
                prop_assert!(
                    error.is_the_files_fault() && error != ExtractError::Timeout,
                    "{}: {}",
                    name,
                    error
                );
                Ok(())
            }
        }
    });
    assert!(outcome.is_ok(), "{outcome:?}");
}

fn deeply_nested_pages_end_at_most_the_child() {
    let page = |depth: usize| format!("<html>{}words", "<div>".repeat(depth)).into_bytes();
    assert_eq!(text("a.html", page(1_000)).trim(), "words");
    let limits = Limits {
        cpu_time: Duration::from_secs(1),
        wall_time: Duration::from_secs(600),
        ..patient()
    };
    let result = read_with(limits, "a.html", page(100_000));
    assert!(
        matches!(result, Err(ExtractError::Timeout | ExtractError::Crashed)),
        "{result:?}"
    );
}

fn deeply_nested_documents_are_read() {
    let depth = 100_000;
    let body = format!(
        "{}{}{}",
        "<w:sdt>".repeat(depth),
        office::paragraph("", "deep"),
        "</w:sdt>".repeat(depth)
    );
    assert_eq!(text("a.docx", office::docx(&body)), "deep");
}
