//! PDFs made for tests.

use pdf_extract::{Dictionary, Document, Object, Stream};

/// A PDF of pages with the given content streams, Helvetica as `/R` and Helvetica-Bold as `/B`.
pub(in crate::knowledge) fn pdf(title: &str, contents: &[String]) -> Document {
    let mut document = Document::with_version("1.5");
    let pages = document.new_object_id();
    let font = |name: &str| {
        let mut font = Dictionary::new();
        font.set("Type", "Font");
        font.set("Subtype", "Type1");
        font.set("BaseFont", name);
        font.set("Encoding", "WinAnsiEncoding");
        font
    };
    let mut fonts = Dictionary::new();
    fonts.set("R", document.add_object(font("Helvetica")));
    fonts.set("B", document.add_object(font("Helvetica-Bold")));
    let mut resources = Dictionary::new();
    resources.set("Font", fonts);
    let kids: Vec<Object> = contents
        .iter()
        .map(|content| {
            let mut page = Dictionary::new();
            page.set("Type", "Page");
            page.set("Parent", pages);
            page.set(
                "Contents",
                document.add_object(Stream::new(Dictionary::new(), content.clone().into_bytes())),
            );
            document.add_object(page).into()
        })
        .collect();
    let mut tree = Dictionary::new();
    tree.set("Type", "Pages");
    tree.set("Count", kids.len() as i64);
    tree.set("Kids", kids);
    tree.set("Resources", resources);
    tree.set("MediaBox", vec![0.into(), 0.into(), 595.into(), 842.into()]);
    document.objects.insert(pages, tree.into());
    let mut catalog = Dictionary::new();
    catalog.set("Type", "Catalog");
    catalog.set("Pages", pages);
    let catalog = document.add_object(catalog);
    document.trailer.set("Root", catalog);
    let mut info = Dictionary::new();
    info.set("Title", Object::string_literal(title));
    let info = document.add_object(info);
    document.trailer.set("Info", info);
    document
}

/// The bytes of a document.
pub(in crate::knowledge) fn bytes(mut document: Document) -> Vec<u8> {
    let mut bytes = Vec::new();
    document.save_to(&mut bytes).unwrap();
    bytes
}

/// The operators that show a line.
pub(in crate::knowledge) fn show(font: &str, size: f64, x: f64, y: f64, text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('(', "\\(").replace(')', "\\)");
    format!("BT /{font} {size} Tf {x} {y} Td ({text}) Tj ET\n")
}

/// The operators of a page with a running header, a heading, paragraphs of lines and a page number.
pub(in crate::knowledge) fn page(number: u32, heading: &str, paragraphs: &[&[&str]]) -> String {
    let mut content = show("R", 8.0, 72.0, 800.0, "Running header of the handbook");
    content += &show("B", 18.0, 72.0, 740.0, heading);
    let mut y = 710.0;
    for paragraph in paragraphs {
        for line in *paragraph {
            content += &show("R", 11.0, 72.0, y, line);
            y -= 14.0;
        }
        y -= 10.0;
    }
    content + &show("R", 8.0, 290.0, 40.0, &format!("{number}"))
}

/// A handbook of three pages.
pub(in crate::knowledge) fn handbook() -> Vec<u8> {
    let vacation: &[&[&str]] = &[
        &[
            "Full-time employees are entitled to 15 days of paid vaca-",
            "tion annually. Days accrue monthly. Part-time and full-",
            "time employees are treated alike.",
        ],
        &["Unused days are carried over to"],
    ];
    let contents = [
        page(
            1,
            "Welcome",
            &[&["Full-time or part-time: welcome to us all, on this first page."]],
        ),
        page(2, "Time Off Policies", vacation),
        page(
            3,
            "",
            &[
                &["the next year, up to five of them."],
                &["Ask the People team for more."],
            ],
        ),
    ];
    bytes(pdf("Handbook", &contents))
}
