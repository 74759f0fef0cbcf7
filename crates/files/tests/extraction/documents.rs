//! Good files of every format.

use crate::fixtures::{office, pdf, zip};
use crate::{extracted, harness, patient, read, read_with, text};
use chatai_files::{Content, Limits, Picture};

harness::tests![
    plain_text_is_decoded,
    word_documents_keep_their_structure,
    word_documents_show_what_stands_now,
    word_parts_are_found_by_their_relations,
    workbooks_are_lines_of_cells,
    huge_workbooks_are_cut,
    far_columns_are_left_out,
    web_pages_become_markdown,
    web_links_are_words_and_addresses,
    web_pages_name_their_encoding,
    pdf_pages_in_order,
    pdf_with_a_unicode_table,
    pdf_with_a_predefined_encoding,
    pdf_without_text_says_so,
    pdf_with_one_bad_page_keeps_the_others,
    archives_are_listed,
    content_decides_not_the_name,
    pictures_are_passed_on,
    unknown_files_are_opaque,
    empty_files_are_empty,
    long_text_is_cut_and_marked,
];

fn plain_text_is_decoded() {
    for name in ["a.txt", "a.md", "a.rs", "a.csv", "upload"] {
        assert_eq!(
            text(name, "Größe;世界\r\n2\u{7};3".into()),
            "Größe;世界\n2;3",
            "{name}"
        );
    }
    assert_eq!(text("a.txt", b"Gr\xf6\xdfe".to_vec()), "Größe");
}

fn word_documents_keep_their_structure() {
    let styles = office::word_part(
        "styles",
        r#"<w:style w:styleId="berschrift1"><w:name w:val="heading 1"/></w:style>
           <w:style w:styleId="Punkt"><w:name w:val="List Bullet"/><w:pPr><w:numPr><w:numId w:val="1"/></w:numPr></w:pPr></w:style>"#,
    );
    let numbering = office::word_part(
        "numbering",
        r#"<w:abstractNum w:abstractNumId="7"><w:lvl w:ilvl="0"><w:numFmt w:val="bullet"/></w:lvl></w:abstractNum>
           <w:abstractNum w:abstractNumId="8"><w:lvl w:ilvl="0"><w:numFmt w:val="decimal"/></w:lvl><w:lvl w:ilvl="1"><w:numFmt w:val="lowerLetter"/></w:lvl></w:abstractNum>
           <w:num w:numId="1"><w:abstractNumId w:val="7"/></w:num><w:num w:numId="2"><w:abstractNumId w:val="8"/></w:num>"#,
    );
    let numbered =
        |level: usize| format!(r#"<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="2"/></w:numPr>"#);
    let cell = |content: &str| format!("<w:tc>{content}</w:tc>");
    let p = office::paragraph;
    let table = format!(
        "<w:tbl><w:tr>{}{}</w:tr><w:tr>{}{}</w:tr></w:tbl>",
        cell(&p("", "Größe")),
        cell(&p("", "a|b")),
        cell(&format!("{}{}", p("", "zwei"), p("", "Absätze"))),
        cell("<w:tbl><w:tr><w:tc><w:p><w:r><w:t>innen</w:t></w:r></w:p></w:tc></w:tr></w:tbl><w:p/>"),
    );
    let body = [
        p(r#"<w:pStyle w:val="berschrift1"/>"#, "Über &amp; unter 世界"),
        p("", "Erster Absatz."),
        p(r#"<w:pStyle w:val="Punkt"/>"#, "Punkt eins"),
        p(r#"<w:pStyle w:val="Punkt"/>"#, "Punkt zwei"),
        p("", "Dazwischen"),
        p(&numbered(0), "eins"),
        p(&numbered(1), "eins a"),
        p(&numbered(0), "zwei"),
        p(&numbered(1), "zwei a"),
        table,
        p("", "Ende"),
    ]
    .concat();
    let document = office::docx_with(
        &body,
        &[("word/styles.xml", &styles), ("word/numbering.xml", &numbering)],
    );
    assert_eq!(
        text("a.docx", document),
        "# Über & unter 世界\n\nErster Absatz.\n\n- Punkt eins\n- Punkt zwei\n\nDazwischen\n\n\
         1. eins\n  1. eins a\n2. zwei\n  1. zwei a\n\n\
         | Größe | a\\|b |\n| --- | --- |\n| zwei Absätze | innen |\n\nEnde"
    );
}

fn word_documents_show_what_stands_now() {
    let body = r#"
        <w:p><w:pPr><w:tabs><w:tab w:val="left" w:pos="1"/></w:tabs></w:pPr>
            <w:del><w:r><w:delText>gone</w:delText><w:tab/></w:r></w:del>
            <w:moveFrom><w:r><w:t>moved away</w:t></w:r></w:moveFrom>
            <w:ins><w:r><w:t>new</w:t></w:r></w:ins><w:r><w:tab/><w:t>words</w:t><w:br/><w:t>next</w:t></w:r>
            <w:r><w:instrText>PAGE</w:instrText></w:r><w:r><w:footnoteReference w:id="2"/></w:r></w:p>
        <w:p><w:r><mc:AlternateContent xmlns:mc="x"><mc:Choice><w:txbxContent><w:p><w:r><w:t>box</w:t></w:r></w:p></w:txbxContent></mc:Choice>
            <mc:Fallback><w:p><w:r><w:t>box again</w:t></w:r></w:p></mc:Fallback></mc:AlternateContent></w:r></w:p>"#;
    let notes = office::word_part(
        "footnotes",
        r#"<w:footnote w:type="separator" w:id="0"><w:p><w:r><w:t>---</w:t></w:r></w:p></w:footnote>
           <w:footnote w:id="2"><w:p><w:r><w:t>a note</w:t></w:r></w:p></w:footnote>"#,
    );
    assert_eq!(
        text(
            "a.docx",
            office::docx_with(body, &[("word/footnotes.xml", &notes)])
        ),
        "new\twords\nnext[^2]\n\nbox\n\n[^2]: a note"
    );
}

fn word_parts_are_found_by_their_relations() {
    let document = zip::archive(&[
        (
            "_rels/.rels",
            r#"<Relationships><Relationship Type="http://x/officeDocument" Target="/word/document2.xml"/></Relationships>"#,
        ),
        (
            "word/document2.xml",
            &office::word_part("document", &office::paragraph("", "found")),
        ),
    ]);
    assert_eq!(text("a.docx", document), "found");
}

fn workbooks_are_lines_of_cells() {
    let rows = r#"<row r="1"><c r="A1" t="s"><v>0</v></c><c r="C1" t="inlineStr"><is><t>in line</t></is></c></row>
        <row r="3"><c r="A3"><v>0.30000000000000004</v></c><c r="B3" s="1"><v>45943</v></c><c r="C3" t="b"><v>1</v></c><c r="D3" t="e"><v>#DIV/0!</v></c></row>"#;
    let workbook = office::xlsx(&[("Größen", rows), ("leer", "")], &["Übersicht\n世界"]);
    assert_eq!(
        text("a.xlsx", workbook),
        "## Größen\nÜbersicht 世界\t\tin line\n0.3\t2025-10-13\tTRUE\t#DIV/0!\n\n## leer\n"
    );
}

fn huge_workbooks_are_cut() {
    let rows: String = (1..=100_000)
        .map(|row| format!(r#"<row r="{row}"><c r="A{row}"><v>{row}</v></c></row>"#))
        .collect();
    let limits = Limits {
        text_bytes: 1000,
        ..patient()
    };
    let Ok(Content::Text(cut)) = read_with(limits, "a.xlsx", office::xlsx(&[("S", &rows)], &[])) else {
        panic!()
    };
    assert!(cut.truncated && cut.text.len() <= 1000 && cut.text.starts_with("## S\n1\n2\n"));
}

fn far_columns_are_left_out() {
    let rows = r#"<row r="1"><c r="XFD1"><v>1</v></c></row><row r="2"><c r="A2"><v>2</v></c></row>"#;
    let read = extracted("a.xlsx", office::xlsx(&[("S", rows)], &[]));
    assert_eq!((read.text.as_str(), read.truncated), ("## S\n2\n", true));
}

fn web_pages_become_markdown() {
    let page = "<!doctype html><html><head><meta charset=utf-8><title>Titel</title><style>p{color:red}</style>\
        <script>alert(1)</script></head><body><h1>Größe</h1><p>Ein <b>Wort</b> &amp; <a href='https://x.test/'>mehr</a></p>\
        <img src='data:image/png;base64,AAAA' alt='a cat'><ul><li>eins<li>zwei</ul>\
        <noscript>no</noscript><table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table></body></html>";
    let markdown = text("page.html", page.into());
    for part in [
        "# Größe",
        "Ein **Wort** & [mehr](https://x.test/)",
        "a cat",
        "eins",
        "zwei",
        "| 1",
    ] {
        assert!(markdown.contains(part), "{part} is missing: {markdown}");
    }
    for part in ["alert", "color:red", "base64", "<p>", "noscript"] {
        assert!(!markdown.contains(part), "{part} was left: {markdown}");
    }
}

fn web_links_are_words_and_addresses() {
    for (link, words) in [
        (
            "a <a href='https://x.test/a b' title='no'>link</a> b",
            "a [link](https://x.test/a%20b) b",
        ),
        (
            "a<a href='https://x.test/'> link </a>b",
            "a [link](https://x.test/) b",
        ),
        ("a <a href='#here'>link</a> b", "a link b"),
        ("a <a href='javascript:alert(1)'>link</a> b", "a link b"),
        ("a <a name=x>link</a> b", "a link b"),
        ("a <a href='https://x.test/'><img src=y></a>b", "a b"),
        (
            "a <a href='https://x.test/'><img src=y alt=picture></a> b",
            "a [picture](https://x.test/) b",
        ),
    ] {
        assert_eq!(
            text("a.html", format!("<html><p>{link}</p>").into_bytes()),
            words,
            "{link}"
        );
    }
}

fn web_pages_name_their_encoding() {
    let page = b"<html><head><meta http-equiv=Content-Type content=\"text/html; charset=shift_jis\"></head><body>\x90\xa2\x8a\x45</body></html>";
    assert_eq!(text("page.html", page.to_vec()), "世界");
}

fn pdf_pages_in_order() {
    let file = pdf::pages(&[&pdf::line(b"Gr\xfc\xdfe, eins"), &pdf::line(b"Seite zwei")]);
    let text = text("a.pdf", file);
    assert_eq!(
        text.split_whitespace().collect::<Vec<_>>(),
        ["Grüße,", "eins", "Seite", "zwei"]
    );
}

fn pdf_with_a_unicode_table() {
    assert_eq!(
        text("a.pdf", pdf::page_with_unicode_table("世界 żółć")).trim(),
        "世界 żółć"
    );
}

fn pdf_with_a_predefined_encoding() {
    assert_eq!(
        text("a.pdf", pdf::page_with_predefined_encoding("世界")),
        "世界\n"
    );
}

fn pdf_without_text_says_so() {
    let scanned = extracted("a.pdf", pdf::pages(&[b"0 0 m 100 100 l S"]));
    assert_eq!(scanned.text.trim(), "");
    assert!(scanned.note.unwrap().starts_with("no text layer"));
}

fn pdf_with_one_bad_page_keeps_the_others() {
    // The second page names a font that does not exist, on which the parser gives up.
    let bad = b"BT /Missing 12 Tf (lost) Tj ET";
    let read = extracted(
        "a.pdf",
        pdf::pages(&[&pdf::line(b"first"), bad, &pdf::line(b"third")]),
    );
    assert_eq!(
        read.text.split_whitespace().collect::<Vec<_>>(),
        ["first", "third"]
    );
    assert_eq!(read.note.as_deref(), Some("1 of 3 pages could not be read"));
}

fn archives_are_listed() {
    let mut locked = zip::archive(&[("secret.txt", "abc")]);
    zip::mark_encrypted(&mut locked);
    for (archive, listing) in [
        (
            zip::archive(&[("a.txt", "abc"), ("dir/ü.bin", "")]),
            "a.txt\t3 bytes\ndir/ü.bin\t0 bytes\n",
        ),
        (zip::archive::<&str, &str>(&[]), ""),
        (locked, "secret.txt\t3 bytes\n"),
    ] {
        let read = extracted("a.zip", archive);
        assert_eq!(read.text, listing);
        assert!(read.note.is_some());
    }
}

fn content_decides_not_the_name() {
    assert_eq!(
        text("table.csv", office::docx(&office::paragraph("", "a document"))),
        "a document"
    );
    assert_eq!(
        text("page.txt", pdf::pages(&[&pdf::line(b"a PDF")])).trim(),
        "a PDF"
    );
    assert_eq!(text("report.pdf", b"words".to_vec()), "words");
    assert_eq!(text("a.docx", b"<html><p>page".to_vec()), "page");
}

fn pictures_are_passed_on() {
    let Ok(Content::Image(Picture { width, height, .. })) =
        read("a.txt", b"GIF89a\x20\0\x10\0\0\0\0;".to_vec())
    else {
        panic!()
    };
    assert_eq!((width, height), (32, 16));
}

fn unknown_files_are_opaque() {
    assert_eq!(
        read("a.txt", b"\x7fELF\x02\x01\x01\0\0\0".to_vec()),
        Ok(Content::Opaque)
    );
}

fn empty_files_are_empty() {
    for name in ["a.pdf", "a.docx", "a.txt", "a.html", ""] {
        assert_eq!(text(name, Vec::new()), "", "{name}");
    }
}

fn long_text_is_cut_and_marked() {
    let limits = Limits {
        text_bytes: 100,
        ..patient()
    };
    let words = "wörter ".repeat(50);
    for (name, bytes) in [
        ("a.txt", words.clone().into_bytes()),
        ("a.html", format!("<html><p>{words}").into_bytes()),
        ("a.docx", office::docx(&office::paragraph("", &words))),
        (
            "a.pdf",
            pdf::pages(&[&pdf::line(&[b'x'; 90]), &pdf::line(&[b'y'; 90])]),
        ),
    ] {
        let Ok(Content::Text(cut)) = read_with(limits.clone(), name, bytes) else {
            panic!("{name}")
        };
        assert!(
            cut.truncated && cut.text.len() <= 100 && cut.text.len() > 90,
            "{name}: {cut:?}"
        );
    }
}
