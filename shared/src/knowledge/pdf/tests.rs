//! PDFs as a whole.

use super::sample::{bytes, handbook, page, pdf, show};
use crate::knowledge::{Block, MediaType, Parsed, parse};
use pdf_extract::{Dictionary, Object, Stream};

fn read(bytes: &[u8]) -> Parsed {
    parse(MediaType::Pdf, bytes).unwrap()
}

fn refusal(bytes: &[u8]) -> String {
    parse(MediaType::Pdf, bytes).unwrap_err().0
}

fn block(page: u32, section: &str, text: &str) -> Block {
    Block {
        page: Some(page),
        section: Some(section.into()),
        text: text.into(),
    }
}

#[test]
fn pages_headings_and_paragraphs_are_found() {
    let parsed = read(&handbook());
    assert_eq!((parsed.title.as_deref(), parsed.pages), (Some("Handbook"), Some(3)));
    assert_eq!(
        parsed.blocks,
        [
            block(
                1,
                "Welcome",
                "Full-time or part-time: welcome to us all, on this first page."
            ),
            block(
                2,
                "Time Off Policies",
                "Full-time employees are entitled to 15 days of paid vacation annually. Days accrue monthly. \
                 Part-time and full-time employees are treated alike."
            ),
            block(
                2,
                "Time Off Policies",
                "Unused days are carried over to the next year, up to five of them."
            ),
            block(3, "Time Off Policies", "Ask the People team for more."),
        ]
    );
}

#[test]
fn a_wrong_table_of_objects_is_made_anew() {
    let mut damaged = handbook();
    let at = damaged.windows(9).rposition(|w| w == b"startxref").unwrap();
    damaged.truncate(at);
    assert_eq!(read(&damaged).blocks.len(), 4);
    let mut shifted = b"some mail header\r\n\r\n".to_vec();
    shifted.extend(handbook());
    assert_eq!(read(&shifted).blocks.len(), 4);
}

#[test]
fn rotated_pages_read_upright() {
    let content = "BT /R 11 Tf 0 1 -1 0 100 72 Tm (Turned to the) Tj 0 -14 Td (left.) Tj ET".to_owned();
    assert_eq!(read(&bytes(pdf("x", &[content]))).blocks[0].text, "Turned to the left.");
}

#[test]
fn words_are_parted_by_gaps_and_kerning_is_no_gap() {
    let content = "BT /R 10 Tf 72 700 Td [(W) 80 (ord) -250 (space) 20 (d)] TJ ET".to_owned();
    assert_eq!(read(&bytes(pdf("x", &[content]))).blocks[0].text, "Word spaced");
}

#[test]
fn forms_are_read_and_forms_that_draw_themselves_end() {
    let mut document = pdf("x", &["/F Do".into()]);
    let id = document.new_object_id();
    let mut objects = Dictionary::new();
    objects.set("F", id);
    let (_, tree) = document
        .objects
        .iter_mut()
        .find(|(_, o)| o.as_dict().is_ok_and(|d| d.has_type(b"Pages")))
        .unwrap();
    let mut resources = tree
        .as_dict()
        .unwrap()
        .get(b"Resources")
        .unwrap()
        .as_dict()
        .unwrap()
        .clone();
    resources.set("XObject", objects);
    tree.as_dict_mut().unwrap().set("Resources", resources.clone());
    let mut form = Dictionary::new();
    form.set("Type", "XObject");
    form.set("Subtype", "Form");
    document.objects.insert(
        id,
        Stream::new(
            form,
            format!("{} /F Do /F Do", show("R", 10.0, 72.0, 700.0, "In a form")).into_bytes(),
        )
        .into(),
    );
    assert!(read(&bytes(document)).blocks[0].text.starts_with("In a form"));
}

#[test]
fn refusals_say_what_to_do() {
    assert!(refusal(&bytes(pdf("x", &["0 0 10 10 re f".into()]))).contains("OCR"));
    assert!(refusal(b"%PDF-1.7\nnothing of the kind").contains("damaged"));
    assert!(refusal(b" \n").contains("empty"));
    let many = vec![String::new(); 5_001];
    assert!(refusal(&bytes(pdf("x", &many))).contains("5,000 pages"));
}

#[test]
fn a_password_is_asked_for() {
    use pdf_extract::{EncryptionState, EncryptionVersion, Permissions};
    let mut document = pdf("x", &[page(1, "Secret", &[&["text"]])]);
    let id = Object::string_literal("0123456789abcdef");
    document.trailer.set("ID", vec![id.clone(), id]);
    let encrypt = |owner: &str, user: &str, mut document: pdf_extract::Document| {
        let version = EncryptionVersion::V2 {
            document: &document,
            owner_password: owner,
            user_password: user,
            key_length: 128,
            permissions: Permissions::all(),
        };
        let state = EncryptionState::try_from(version).unwrap();
        document.encrypt(&state).unwrap();
        bytes(document)
    };
    assert!(refusal(&encrypt("owner", "user", document.clone())).contains("password"));
    // Without a password for reading, as many published files are.
    assert_eq!(
        read(&encrypt("owner", "", document))
            .blocks
            .last()
            .map(|b| b.text.as_str()),
        Some("text")
    );
}

#[test]
fn a_bomb_is_bounded() {
    let zeros = {
        use std::io::Write;
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(&vec![b' '; 20 << 20]).unwrap();
        encoder.finish().unwrap()
    };
    let mut document = pdf("x", &["BT ET".into()]);
    let mut dict = Dictionary::new();
    dict.set("Filter", "FlateDecode");
    let id = document.add_object(Stream::new(dict, zeros));
    let page = document.page_iter().next().unwrap();
    document
        .get_dictionary_mut(page)
        .unwrap()
        .set("Contents", Object::Array(vec![id.into(); 100_000]));
    refusal(&bytes(document));
}
