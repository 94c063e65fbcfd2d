//! Odd sets of each format.

use crate::shared::png;

use super::row;
use super::set::Set;

/// Odd sets by row.
pub(crate) type Cases = Vec<(&'static str, Set)>;

/// What every text file may be.
pub(crate) fn encodings(base: &Set) -> Cases {
    let text = base.text();
    let utf16: Vec<u8> = "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    vec![
        (row::BOM, base.clone().with(format!("\u{feff}{text}"))),
        (row::UTF16, base.clone().with(utf16)),
        (row::CRLF, base.clone().with(text.replace('\n', "\r\n"))),
        (row::EMPTY, base.clone().with("")),
    ]
}

/// What names may be, in a text that holds `b.png` and with the image at `image`.
pub(crate) fn names(base: &Set, image: &str) -> Cases {
    let at = |name: &str| image.replace("b.png", name);
    let named = |name: &str| base.clone().swap(&[("b.png", name)]);
    vec![
        (row::COMPOSED, named("caf\u{e9}.png").rename(image, &at("cafe\u{301}.png"))),
        (row::CAPITALS, named("b.PNG")),
        (row::JPE, named("b.jpe").rename(image, &at("b.jpe"))),
        (row::HEIC, named("b.heic")),
        (row::LONG, named(&format!("{}.png", "b".repeat(5000)))),
        (row::OUT, named("../b.png")),
    ]
}

pub(crate) fn yolo() -> Cases {
    let base = Set::new(
        "labels/b.txt",
        &[
            ("images/a.png", &png(40, 20)),
            ("labels/a.txt", b"0 .5 .5 .5 .5\n"),
            ("images/b.png", &png(41, 20)),
            ("labels/b.txt", b"1 .25 .5 .5 .5\n"),
            ("data.yaml", b"names: [bottle, can]\n"),
        ],
    );
    let line = |text: &str| base.clone().with(text);
    let mut cases = encodings(&base);
    cases.extend([
        (
            row::COMPOSED,
            base.clone()
                .rename("images/b.png", "images/cafe\u{301}.png")
                .rename("labels/b.txt", "labels/caf\u{e9}.txt"),
        ),
        (row::CAPITALS, base.clone().rename("images/b.png", "images/b.PNG")),
        (row::JPE, base.clone().rename("images/b.png", "images/b.jpe")),
        (row::HEIC, base.clone().add("images/c.heic", b"x").add("images/d.TIFF", b"x")),
        (row::FLOAT_ID, line("1.000000 .25 .5 .5 .5\n")),
        (row::BAD_ROW, line("1 .25 .5 .5\n")),
        (row::LINK, base.clone().link("images/b.png")),
        (row::HIDDEN, base.clone().add("labels/._b.txt", b"\xff").add("images/.ipynb_checkpoints/b.png", b"x")),
        (row::NAN, line("1 nan .5 .5 .5\n")),
        (row::NEGATIVE, line("1 .25 .5 -.5 .5\n")),
        (row::POLYGON, line("1 .1 .2 .4 .2 .3 .6\n")),
        (row::CLASS, line("7 .25 .5 .5 .5\n")),
    ]);
    cases
}

pub(crate) fn coco() -> Cases {
    let text = r#"{"images": [{"id": 1, "file_name": "a.png", "width": 40, "height": 20},
{"id": 2, "file_name": "b.png", "width": 41, "height": 20}],
"annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 5, 20, 10], "area": 200, "iscrowd": 0},
{"id": 2, "image_id": 2, "category_id": 2, "bbox": [2, 5, 21, 10], "area": 210, "iscrowd": 0}],
"categories": [{"id": 1, "name": "bottle"}, {"id": 2, "name": "can"}]}
"#;
    let base = Set::new("a.json", &[("a.json", text.as_bytes()), ("a.png", &png(40, 20)), ("b.png", &png(41, 20))]);
    let swap = |pairs: &[(&str, &str)]| base.clone().swap(pairs);
    let attribute = |text: &str| swap(&[("\"area\": 210", &format!("\"attributes\": {{{text}}}"))]);
    let twice = r#""height": 20}, {"id": 3, "file_name": "b.png", "width": 41, "height": 20}],"#;
    let mut cases = encodings(&base);
    cases.extend(names(&base, "b.png"));
    cases.extend([
        (row::NUMBER_TEXT, swap(&[("[2, 5, 21, 10]", r#"["2", "5", "21.0", "10"]"#), (": 41", ": \"41\"")])),
        (row::FLOAT_ID, swap(&[("\"image_id\": 2, \"category_id\": 2", "\"image_id\": 2.0, \"category_id\": 2.0")])),
        (row::WORD_ID, swap(&[("\"id\": 2, \"f", "\"id\": \"b\", \"f"), ("\"image_id\": 2", "\"image_id\": \"b\"")])),
        (row::OPTIONAL, swap(&[(", \"area\": 210, \"iscrowd\": 0", ""), ("{\"id\": 2, \"image", "{\"image")])),
        (row::ID_TWICE, swap(&[("{\"id\": 2, \"image", "{\"id\": 1, \"image")])),
        (row::LISTED_TWICE, swap(&[("\"height\": 20}],", twice)])),
        (row::BAD_ROW, swap(&[("[2, 5, 21, 10]", "\"wide\"")])),
        (row::NAN, swap(&[("[2, 5", "[NaN, 5")])),
        (row::NEGATIVE, swap(&[("[2, 5, 21", "[23, 5, -21")])),
        (row::TURNED, attribute("\"rotation\": 37.5")),
        (row::OUTSIDE, attribute("\"outside\": true")),
        (row::CROWD, swap(&[("\"area\": 210, \"iscrowd\": 0", "\"iscrowd\": 1")])),
        (row::TRUNCATED, attribute("\"truncated\": true, \"occluded\": 1")),
        (row::POLYGON, swap(&[("\"area\": 210", "\"segmentation\": [[2, 5, 23, 5, 9, 15]]")])),
        (row::CLASS, swap(&[("\"category_id\": 2", "\"category_id\": 9")])),
        (
            row::DISAGREE,
            swap(&[(
                "{\"id\": 2, \"name\": \"can\"}",
                "{\"id\": 2, \"name\": \"can\"}, {\"id\": 2, \"name\": \"tin\"}",
            )]),
        ),
    ]);
    cases
}

pub(crate) fn voc() -> Cases {
    let document = |name: &str, width: u32, class: &str| {
        format!(
            "<annotation>\n<filename>{name}</filename>\n<id>{width}</id>\n<size><width>{width}</width><height>20</height></size>\n\
             <object><name>{class}</name><truncated>0</truncated><difficult>0</difficult>\n<bndbox><xmin>2</xmin>\
             <ymin>5</ymin><xmax>23</xmax><ymax>15</ymax></bndbox></object>\n</annotation>\n"
        )
    };
    let base = Set::new(
        "Annotations/b.xml",
        &[
            ("Annotations/a.xml", document("a.png", 40, "bottle").as_bytes()),
            ("Annotations/b.xml", document("b.png", 41, "can").as_bytes()),
            ("JPEGImages/a.png", &png(40, 20)),
            ("JPEGImages/b.png", &png(41, 20)),
        ],
    );
    let swap = |pairs: &[(&str, &str)]| base.clone().swap(pairs);
    let attribute = |name: &str, value: &str| {
        let text = format!(
            "</bndbox><attributes><attribute><name>{name}</name><value>{value}</value></attribute></attributes>"
        );
        swap(&[("</bndbox>", &text)])
    };
    let mut cases = encodings(&base);
    cases.extend(names(&base, "JPEGImages/b.png"));
    cases.extend([
        (row::FLOAT_ID, swap(&[("<width>41<", "<width>41.0<"), ("<id>41<", "<id>41.0<")])),
        (row::WORD_ID, swap(&[("<id>41<", "<id>b<")])),
        (row::OPTIONAL, swap(&[("<id>41</id>\n", ""), ("<truncated>0</truncated><difficult>0</difficult>\n", "")])),
        (row::ID_TWICE, swap(&[("<id>41<", "<id>40<")])),
        (
            row::LISTED_TWICE,
            base.clone().add(
                "Annotations/c.xml",
                document("b.png", 41, "can").replace("<object>", "<part>").replace("</object>", "</part>").as_bytes(),
            ),
        ),
        (row::BAD_ROW, swap(&[("<xmin>2<", "<xmin>left<")])),
        (row::LINK, base.clone().link("Annotations/b.xml")),
        (
            row::HIDDEN,
            base.clone().add("Annotations/._b.xml", b"\xff").add("Annotations/.ipynb_checkpoints/b.xml", b"x"),
        ),
        (row::NAN, swap(&[("<xmin>2<", "<xmin>NaN<")])),
        (row::NEGATIVE, swap(&[("<xmin>2<", "<xmin>33<")])),
        (row::TURNED, attribute("rotation", "37.5")),
        (row::OUTSIDE, attribute("outside", "True")),
        (row::CROWD, swap(&[("<difficult>0<", "<difficult>1<")])),
        (row::TRUNCATED, swap(&[("<truncated>0<", "<truncated>1<")])),
        (row::POLYGON, swap(&[("</bndbox>", "</bndbox><polygon><x1>2</x1></polygon>")])),
        (row::DISAGREE, base.clone().add("Annotations/c.xml", document("b.png", 99, "can").as_bytes())),
    ]);
    cases
}

pub(crate) fn cvat() -> Cases {
    let image = |id: u32, name: &str, width: u32, class: &str| {
        format!(
            "<image id=\"{id}\" name=\"{name}\" width=\"{width}\" height=\"20\">\n<box label=\"{class}\" occluded=\"0\" \
             xtl=\"2\" ytl=\"5\" xbr=\"{}\" ybr=\"15\" z_order=\"0\"></box>\n</image>\n",
            width - 18
        )
    };
    let text = format!(
        "<annotations>\n<version>1.1</version>\n{}{}</annotations>\n",
        image(0, "a.png", 40, "bottle"),
        image(7, "b.png", 41, "can")
    );
    let base = Set::new("a.xml", &[("a.xml", text.as_bytes()), ("a.png", &png(40, 20)), ("b.png", &png(41, 20))]);
    let swap = |pairs: &[(&str, &str)]| base.clone().swap(pairs);
    let mut cases = encodings(&base);
    cases.extend(names(&base, "b.png"));
    cases.extend([
        (row::FLOAT_ID, swap(&[("\"41\"", "\"41.0\""), ("\"7\"", "\"7.0\"")])),
        (row::WORD_ID, swap(&[("\"7\"", "\"b\"")])),
        (row::OPTIONAL, swap(&[(" z_order=\"0\"", ""), (" occluded=\"0\"", ""), ("<version>1.1</version>\n", "")])),
        (row::ID_TWICE, swap(&[("\"7\"", "\"0\"")])),
        (row::LISTED_TWICE, swap(&[("</annotations>", "<image id=\"9\" name=\"b.png\" width=\"41\" height=\"20\"></image></annotations>")])),
        (row::BAD_ROW, swap(&[("xbr=\"23\"", "xbr=\"right\"")])),
        (row::NAN, swap(&[("xbr=\"23\"", "xbr=\"nan\"")])),
        (row::NEGATIVE, swap(&[("xbr=\"23\"", "xbr=\"1\"")])),
        (row::TURNED, swap(&[("xbr=\"23\"", "xbr=\"23\" rotation=\"12.5\"")])),
        (row::OUTSIDE, swap(&[("xbr=\"23\"", "xbr=\"23\" outside=\"1\"")])),
        (row::CROWD, swap(&[("</box>\n</image>\n</ann", "<attribute name=\"is_crowd\">true</attribute></box>\n</image>\n</ann")])),
        (row::TRUNCATED, swap(&[("label=\"can\" occluded=\"0\"", "label=\"can\" occluded=\"1\"")])),
        (row::POLYGON, swap(&[("<box label=\"can\"", "<polygon label=\"can\""), ("</box>\n</image>\n</ann", "</polygon>\n</image>\n</ann")])),
        (row::DISAGREE, swap(&[("</annotations>", "<image id=\"9\" name=\"b.png\" width=\"99\" height=\"20\"><box label=\"can\" xtl=\"2\" ytl=\"5\" xbr=\"9\" ybr=\"15\"/></image></annotations>")])),
    ]);
    cases
}

pub(crate) fn label_studio() -> Cases {
    let task = |id: u32, name: &str, width: u32, class: &str| {
        format!(
            "{{\"id\": {id}, \"data\": {{\"image\": \"{name}\"}}, \"annotations\": [{{\"id\": {id}, \"ground_truth\": false, \
             \"result\": [{{\"id\": \"r{id}\", \"type\": \"rectanglelabels\", \"from_name\": \"label\", \"original_width\": {width}, \
             \"original_height\": 20, \"value\": {{\"x\": {id}, \"y\": 25, \"width\": 50, \"height\": 50, \"rotation\": 0, \
             \"rectanglelabels\": [\"{class}\"]}}}}]}}]}}"
        )
    };
    let text = format!("[{},\n{}]\n", task(1, "a.png", 40, "bottle"), task(2, "b.png", 41, "can"));
    let base = Set::new("a.json", &[("a.json", text.as_bytes()), ("a.png", &png(40, 20)), ("b.png", &png(41, 20))]);
    let swap = |pairs: &[(&str, &str)]| base.clone().swap(pairs);
    let mut cases = encodings(&base);
    cases.extend(names(&base, "b.png"));
    // Addresses count by their last part, so none leads out.
    cases.retain(|(row, _)| *row != row::OUT);
    cases.extend([
        (row::NUMBER_TEXT, swap(&[("\"x\": 2", "\"x\": \"2\""), (": 41", ": \"41\"")])),
        (row::FLOAT_ID, swap(&[("{\"id\": 2, \"data\"", "{\"id\": 2.0, \"data\""), (": 41", ": 41.0")])),
        (row::WORD_ID, swap(&[("{\"id\": 2, \"data\"", "{\"id\": \"b\", \"data\"")])),
        (
            row::OPTIONAL,
            swap(&[
                ("{\"id\": 2, \"data\"", "{\"data\""),
                (", \"rotation\": 0", ""),
                (", \"ground_truth\": false", ""),
            ]),
        ),
        (row::ID_TWICE, swap(&[("{\"id\": 2, \"data\"", "{\"id\": 1, \"data\"")])),
        (row::BAD_ROW, swap(&[("\"x\": 2", "\"x\": \"left\"")])),
        (row::NAN, swap(&[("\"x\": 2", "\"x\": NaN")])),
        (row::NEGATIVE, swap(&[("\"x\": 2, \"y\": 25, \"width\": 50", "\"x\": 52, \"y\": 25, \"width\": -50")])),
        (
            row::TURNED,
            swap(&[(
                "\"x\": 2, \"y\": 25, \"width\": 50, \"height\": 50, \"rotation\": 0",
                "\"x\": 2, \"y\": 25, \"width\": 50, \"height\": 50, \"rotation\": 30",
            )]),
        ),
        (
            row::POLYGON,
            swap(&[("\"id\": \"r2\", \"type\": \"rectanglelabels\"", "\"id\": \"r2\", \"type\": \"polygonlabels\"")]),
        ),
    ]);
    cases
}

pub(crate) fn facings() -> Cases {
    let text = "file,x,y,w,h,class,sku\na.png,10,5,20,10,bottle,cola\nb.png,2,5,21,10,can,tea\n";
    let base =
        Set::new("facings.csv", &[("facings.csv", text.as_bytes()), ("a.png", &png(40, 20)), ("b.png", &png(41, 20))]);
    let swap = |pairs: &[(&str, &str)]| base.clone().swap(pairs);
    let column = |name: &str, value: &str| {
        swap(&[(",sku\n", &format!(",sku,{name}\n")), (",cola\n", ",cola,\n"), (",tea\n", &format!(",tea,{value}\n"))])
    };
    let mut cases = encodings(&base);
    cases.extend(names(&base, "b.png"));
    cases.extend([
        (row::NUMBER_TEXT, swap(&[("b.png,2,5,21", "b.png,\"2\",5,\"21\"")])),
        (row::FLOAT_ID, swap(&[("b.png,2,5,21", "b.png,2.0,5.0,21.0")])),
        (row::OPTIONAL, swap(&[(",sku\n", "\n"), (",cola\n", "\n"), (",tea\n", "\n")])),
        (row::BAD_ROW, swap(&[("b.png,2,", "b.png,left,")])),
        (row::NAN, swap(&[("b.png,2,", "b.png,NaN,")])),
        (row::NEGATIVE, swap(&[("b.png,2,5,21", "b.png,23,5,-21")])),
        (row::TURNED, column("rotation", "37.5")),
        (row::OUTSIDE, column("outside", "1")),
        (row::CROWD, column("difficult", "1")),
        (row::TRUNCATED, column("truncated", "1")),
    ]);
    cases
}

pub(crate) fn class_names() -> Cases {
    let base = Set::new("data.yaml", &[("data.yaml", b"nc: 2\nnames: [bottle, can]\n"), ("a.png", &png(40, 20))]);
    let swap = |pairs: &[(&str, &str)]| base.clone().swap(pairs);
    let mut cases = encodings(&base);
    cases.extend([
        (row::NUMBER_TEXT, swap(&[("nc: 2", "nc: 2"), ("[bottle, can]", "{'0': bottle, '1': can}")])),
        (row::OPTIONAL, swap(&[("nc: 2\n", "")])),
        (row::ID_TWICE, swap(&[("[bottle, can]", "{0: bottle, 0: can, 1: can}")])),
        (row::LISTED_TWICE, swap(&[("can]", "bottle]")])),
        (row::BAD_ROW, swap(&[("can]", "[can]]")])),
        (row::CLASS, swap(&[("[bottle, can]", "{0: bottle, 2: can}")])),
        (row::DISAGREE, base.clone().add("classes.txt", b"can\nbottle\n")),
    ]);
    cases
}

pub(crate) fn image_folder() -> Cases {
    let base = Set::new("tea/b.png", &[("cola/a.png", &png(40, 20)), ("tea/b.png", &png(41, 20))]);
    let moved = |to: &str| base.clone().rename("tea/b.png", to);
    vec![
        (
            row::COMPOSED,
            moved("cafe\u{301}/b.png").add("caf\u{e9}/c.png", &png(42, 20)).rename("cola/a.png", "cafe\u{301}/a.png"),
        ),
        (row::CAPITALS, moved("tea/b.PNG")),
        (row::JPE, moved("tea/b.jpe")),
        (row::HEIC, base.clone().add("tea/c.heic", b"x").add("tea/d.GIF", b"x")),
        (row::LINK, base.clone().link("tea/b.png")),
        (
            row::HIDDEN,
            base.clone().add("tea/._b.png", b"x").add(".ipynb_checkpoints/b.png", b"x").add("__MACOSX/tea/b.png", b"x"),
        ),
    ]
}
