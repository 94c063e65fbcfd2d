//! Every reader against what bites everyone: the table in `docs/datasets.md` says what is kept, left out and refused, and each of its
//! cells is held against what the reader does. A cell without a case, or a case without a cell, fails too.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use dataset::convert::{Format, ImageFinder, Loaded, ReadOptions, read};
use dataset::{ClassNames, DataFolder, LayoutChoice, LayoutKind};

use crate::shared::png;

/// Words of the table.
const KEPT: &str = "kept";
const COUNTED: &str = "kept, counted";
const LEFT_OUT: &str = "left out";
const PASSED_OVER: &str = "passed over";
const REFUSED: &str = "refused";
const NOT_THERE: &str = "–";

/// Rows of the table.
mod row {
    pub(super) const BOM: &str = "UTF-8 with a byte-order mark";
    pub(super) const UTF16: &str = "UTF-16";
    pub(super) const CRLF: &str = "Windows line ends";
    pub(super) const COMPOSED: &str = "a name with letters composed otherwise than the image's";
    pub(super) const CAPITALS: &str = "a name with its extension in capitals, the image's in small letters";
    pub(super) const JPE: &str = "`.jpe`";
    pub(super) const HEIC: &str = "a HEIC, AVIF, TIFF or GIF beside, or named";
    pub(super) const NUMBER_TEXT: &str = "numbers as text";
    pub(super) const FLOAT_ID: &str = "whole numbers written `1.0`";
    pub(super) const WORD_ID: &str = "ids that are words";
    pub(super) const OPTIONAL: &str = "optional fields missing";
    pub(super) const ID_TWICE: &str = "an id given twice";
    pub(super) const LISTED_TWICE: &str = "an image or name listed twice";
    pub(super) const EMPTY: &str = "an empty file";
    pub(super) const BAD_ROW: &str = "one bad row";
    pub(super) const LONG: &str = "a name of 5,000 characters";
    pub(super) const OUT: &str = "a name that leads out (`../`)";
    pub(super) const LINK: &str = "a link";
    pub(super) const HIDDEN: &str = "hidden files beside (`._a`, `.ipynb_checkpoints`)";
    pub(super) const NAN: &str = "NaN";
    pub(super) const NEGATIVE: &str = "a negative size, or corners in the wrong order";
    pub(super) const TURNED: &str = "a turned box";
    pub(super) const OUTSIDE: &str = "a box marked as outside";
    pub(super) const CROWD: &str = "crowd, difficult";
    pub(super) const TRUNCATED: &str = "truncated, occluded";
    pub(super) const POLYGON: &str = "a polygon";
    pub(super) const CLASS: &str = "a class without a name";
    pub(super) const DISAGREE: &str = "two statements that disagree";
}

/// A data set of two images with a box each.
#[derive(Clone)]
struct Set {
    files: BTreeMap<String, Vec<u8>>,
    links: Vec<(String, String)>,
    /// The file that is made odd.
    main: &'static str,
}

impl Set {
    fn new(main: &'static str, files: &[(&str, &[u8])]) -> Self {
        let files = files.iter().map(|(path, bytes)| ((*path).to_owned(), bytes.to_vec())).collect();
        Self { files, links: Vec::new(), main }
    }

    fn text(&self) -> String {
        String::from_utf8(self.files[self.main].clone()).unwrap()
    }

    fn with(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.files.insert(self.main.to_owned(), bytes.into());
        self
    }

    /// Replaces text in the main file, which must be there.
    fn swap(self, pairs: &[(&str, &str)]) -> Self {
        let mut text = self.text();
        for (from, to) in pairs {
            assert!(text.contains(from), "{from} is not in {}", self.main);
            text = text.replace(from, to);
        }
        self.with(text)
    }

    fn add(mut self, path: &str, bytes: &[u8]) -> Self {
        self.files.insert(path.to_owned(), bytes.to_vec());
        self
    }

    fn rename(mut self, from: &str, to: &str) -> Self {
        let bytes = self.files.remove(from).expect("it is there");
        self.files.insert(to.to_owned(), bytes);
        self
    }

    /// Puts a file elsewhere and a link in its place.
    fn link(mut self, path: &str) -> Self {
        let bytes = self.files.remove(path).expect("it is there");
        self.files.insert("elsewhere.bin".to_owned(), bytes);
        self.links.push((path.to_owned(), "elsewhere.bin".to_owned()));
        self
    }

    fn write(&self, root: &Path) {
        for (path, bytes) in &self.files {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        for (path, target) in &self.links {
            fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
            std::os::unix::fs::symlink(root.join(target), root.join(path)).unwrap();
        }
    }
}

/// Odd sets by row.
type Cases = Vec<(&'static str, Set)>;

/// What every text file may be.
fn encodings(base: &Set) -> Cases {
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
fn names(base: &Set, image: &str) -> Cases {
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

fn yolo() -> Cases {
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

fn coco() -> Cases {
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

fn voc() -> Cases {
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

fn cvat() -> Cases {
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

fn label_studio() -> Cases {
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

fn facings() -> Cases {
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

fn class_names() -> Cases {
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

fn image_folder() -> Cases {
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

/// What a reader of boxes makes of a set.
fn of_boxes(format: Format, set: &Set, row: &str) -> &'static str {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    set.write(root);
    let input = if matches!(format, Format::Yolo | Format::Voc) { root.to_owned() } else { root.join(set.main) };
    let Ok(Loaded { annotations, left_out, hidden }) = read(&input, format, &ReadOptions::default()) else {
        return REFUSED;
    };
    let finder = ImageFinder::new(root);
    let lost: Vec<_> = annotations.images.iter().filter(|image| finder.find(&image.file).is_none()).collect();
    assert!(lost.is_empty() || row == row::HEIC, "{format}, {row}: {lost:?} is not found");
    let objects: Vec<_> = annotations.images.iter().flat_map(|image| &image.objects).collect();
    if row == row::CROWD {
        assert_eq!(objects.iter().filter(|object| object.crowd).count(), 1, "{format}");
    }
    if row == row::TRUNCATED {
        let said = |name| objects.iter().any(|object| object.attributes.contains_key(name));
        assert!(said("truncated") || said("occluded"), "{format}");
    }
    match (objects.len(), left_out.is_empty()) {
        (2, true) if hidden > 0 => PASSED_OVER,
        (2, true) => KEPT,
        // The box of the second statement would be a third.
        (2, false) if row == row::DISAGREE => LEFT_OUT,
        (2, false) => COUNTED,
        (1, false) => LEFT_OUT,
        // An image without objects.
        (1, true) if row == row::EMPTY && format == Format::Yolo => KEPT,
        other => panic!("{format}, {row}: {other:?} boxes, and {left_out}"),
    }
}

fn of_names(set: &Set) -> &'static str {
    let folder = tempfile::tempdir().unwrap();
    set.write(folder.path());
    match ClassNames::find(folder.path()) {
        Ok(Some((_, names))) => {
            assert_eq!(names.as_slice(), ["bottle", "can"]);
            KEPT
        }
        Ok(None) | Err(_) => REFUSED,
    }
}

fn of_folders(set: &Set, row: &str) -> &'static str {
    let folder = tempfile::tempdir().unwrap();
    set.write(folder.path());
    let data = DataFolder::scan(folder.path(), LayoutChoice::Is(LayoutKind::Folders)).unwrap();
    let skus: BTreeSet<_> = data.images.iter().filter_map(|image| image.sku.as_deref()).collect();
    if row == row::COMPOSED {
        assert_eq!(skus.len(), 1, "one name, however it is written");
        return KEPT;
    }
    let counted = data.links.len() + data.unsupported.len();
    match (data.images.len(), counted, data.hidden) {
        (2, 0, 0) => KEPT,
        (2, 0, 1..) => PASSED_OVER,
        (2, 1.., 0) => COUNTED,
        (1, 1.., 0) => LEFT_OUT,
        other => panic!("{row}: {other:?}"),
    }
}

/// Cells of the table by row and column, as the document has them.
fn documented() -> BTreeMap<(String, String), String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/datasets.md");
    let text = fs::read_to_string(path).unwrap();
    let cells =
        |line: &str| -> Vec<String> { line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect() };
    let mut lines = text.lines().skip_while(|line| !line.starts_with("| what a label reader meets |"));
    let head = cells(lines.next().expect("the table is there"));
    let rows = lines.skip(1).take_while(|line| line.starts_with('|')).map(cells);
    rows.flat_map(|row| {
        assert_eq!(row.len(), head.len(), "{row:?}");
        let columns = head.clone();
        (1..row.len()).map(move |at| ((row[0].clone(), columns[at].clone()), row[at].clone())).collect::<Vec<_>>()
    })
    .collect()
}

#[test]
fn the_table_of_readers_says_what_they_do() {
    let mut found: BTreeMap<(String, String), String> = BTreeMap::new();
    let mut note = |column: &str, row: &str, outcome: &str| {
        let before = found.insert((row.to_owned(), column.to_owned()), outcome.to_owned());
        assert_eq!(before, None, "{column}, {row}: two cases");
    };
    let boxes = [
        ("YOLO", Format::Yolo, yolo()),
        ("COCO", Format::Coco, coco()),
        ("VOC", Format::Voc, voc()),
        ("CVAT", Format::Cvat, cvat()),
        ("Label Studio", Format::LabelStudio, label_studio()),
        ("CSV", Format::Facings, facings()),
    ];
    for (column, format, cases) in boxes {
        for (row, set) in cases {
            note(column, row, of_boxes(format, &set, row));
        }
    }
    for (row, set) in class_names() {
        note("class names", row, of_names(&set));
    }
    for (row, set) in image_folder() {
        note("image folder", row, of_folders(&set, row));
    }
    let documented = documented();
    let mut wrong = Vec::new();
    for (place, cell) in &documented {
        let outcome = found.get(place).map_or(NOT_THERE, String::as_str);
        if outcome != cell {
            wrong.push(format!("{}, {}: the document says {cell}, it is {outcome}", place.1, place.0));
        }
    }
    wrong.extend(
        found
            .keys()
            .filter(|place| !documented.contains_key(*place))
            .map(|place| format!("{place:?} is not in the document")),
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// One bad row among ten thousand is counted with its line, and the rest is read; strict, it is an error.
#[test]
fn one_bad_row_among_ten_thousand() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.json");
    let row = |id: u32| {
        let bbox = if id == 7_000 { "[1, 2, 3]" } else { "[1, 2, 3, 4]" };
        format!(r#"{{"id": {id}, "image_id": 1, "category_id": 1, "bbox": {bbox}}}"#)
    };
    let rows: Vec<String> = (0..10_000).map(row).collect();
    let text = format!(
        r#"{{"images": [{{"id": 1, "file_name": "a.png", "width": 40, "height": 20}}], "annotations": [{}],
            "categories": [{{"id": 1, "name": "bottle"}}]}}"#,
        rows.join(",")
    );
    fs::write(&path, text).unwrap();
    let loaded = read(&path, Format::Coco, &ReadOptions::default()).unwrap();
    assert_eq!((loaded.annotations.boxes(), loaded.left_out.total()), (9_999, 1));
    let said = loaded.left_out.to_string();
    assert!(said.contains("annotations[7000].bbox: a box has 4 numbers, this one 3"), "{said}");
    let strict = ReadOptions { strict: true, ..Default::default() };
    assert!(read(&path, Format::Coco, &strict).unwrap_err().to_string().contains("annotations[7000].bbox"));
}

/// Broken in hundreds of ways, no file makes a reader panic, and none of what is kept is unsound.
#[test]
fn mutated_files_never_make_a_reader_panic() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below.max(1) as u64) as usize
    };
    let formats = [
        (Format::Coco, coco()),
        (Format::Voc, voc()),
        (Format::Cvat, cvat()),
        (Format::LabelStudio, label_studio()),
        (Format::Facings, facings()),
    ];
    for (format, cases) in formats {
        let sound: Vec<Vec<u8>> = cases.iter().filter_map(|(_, set)| set.files.get(set.main).cloned()).collect();
        for number in 0..500 {
            let mut bytes = sound[number % sound.len()].clone();
            for _ in 0..=next(6) {
                let at = next(bytes.len());
                match next(5) {
                    0 if !bytes.is_empty() => bytes[at] = next(256) as u8,
                    1 => bytes.truncate(at),
                    2 => bytes.insert(at, b"\"<>{}[],:-0.eN#\n\0\xff"[next(18)]),
                    3 if !bytes.is_empty() => {
                        let end = (at + next(40)).min(bytes.len());
                        bytes.drain(at..end);
                    }
                    _ => {
                        let end = (at + next(80)).min(bytes.len());
                        let piece = bytes[at.min(end)..end].to_vec();
                        let to = next(bytes.len());
                        bytes.splice(to..to, piece);
                    }
                }
            }
            let _ = dataset::convert::read_bytes(Path::new("mutated"), bytes.clone(), format, &ReadOptions::default());
            let _ = ClassNames::parse(Path::new("data.yaml"), bytes);
        }
    }
}
