//! Files made for tests.

/// A PDF with one page per text: a heading in 20 pt and lines in 11 pt.
pub fn pdf(pages: &[(&str, &[&str])]) -> Vec<u8> {
    pdf_with_ballast(pages, 0)
}

/// The same with so many bytes that nothing refers to.
pub fn pdf_with_ballast(pages: &[(&str, &[&str])], ballast: usize) -> Vec<u8> {
    let mut objects = vec!["<< /Type /Catalog /Pages 2 0 R >>".to_owned()];
    let kids: Vec<String> = (0..pages.len()).map(|n| format!("{} 0 R", 4 + n * 2)).collect();
    objects.push(format!(
        "<< /Type /Pages /Kids [{}] /Count {} >>",
        kids.join(" "),
        pages.len()
    ));
    objects.push("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>".to_owned());
    for (n, (heading, lines)) in pages.iter().enumerate() {
        objects.push(format!(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources << /Font << /F1 3 0 R >> >> /Contents {} 0 R >>",
            5 + n * 2
        ));
        let mut content = format!("BT /F1 20 Tf 72 720 Td ({heading}) Tj /F1 11 Tf 0 -40 Td ");
        for line in *lines {
            content.push_str(&format!("({line}) Tj 0 -14 Td "));
        }
        content.push_str("ET");
        objects.push(format!("<< /Length {} >>\nstream\n{content}\nendstream", content.len()));
    }
    if ballast > 0 {
        objects.push(format!(
            "<< /Length {ballast} >>\nstream\n{}\nendstream",
            "x".repeat(ballast)
        ));
    }
    let mut file = "%PDF-1.4\n".to_owned();
    let mut offsets = Vec::new();
    for (n, object) in objects.iter().enumerate() {
        offsets.push(file.len());
        file.push_str(&format!("{} 0 obj\n{object}\nendobj\n", n + 1));
    }
    let start = file.len();
    file.push_str(&format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1));
    for offset in offsets {
        file.push_str(&format!("{offset:010} 00000 n \n"));
    }
    file.push_str(&format!(
        "trailer\n<< /Size {} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n",
        objects.len() + 1
    ));
    file.into_bytes()
}
