//! CVAT's exports, and what is wrong with some.

use std::collections::BTreeMap;
use std::fs;

use dataset::convert::{Format, ReadOptions, Rect, detect, read};

use super::{left_out, refusal};

#[test]
fn cvat_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("annotations.xml");
    fs::write(&path, CVAT).unwrap();
    assert_eq!(detect(&path).unwrap(), Format::Cvat);
    let loaded = read(&path, Format::Cvat, &ReadOptions::default()).unwrap();
    assert_eq!(loaded.left_out.counts(), BTreeMap::from([("polygons", 1), ("turned boxes", 1)]));
    let names: Vec<_> = loaded.annotations.categories.iter().map(|c| (c.id, c.name.as_str())).collect();
    assert_eq!(names, [(1, "bottle"), (2, "can & lid")]);
    let image = &loaded.annotations.images[0];
    assert_eq!((image.id, image.file.as_str(), image.width, image.height), (0, "store 1/a.jpg", 640, 480));
    let object = &image.objects[0];
    assert_eq!(object.rect, Rect { x: 10.5, y: 20.0, w: 89.5, h: 180.25 });
    assert_eq!(object.category, 2);
    let attributes: Vec<_> = object.attributes.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    assert_eq!(attributes, [("occluded", "1"), ("sku", "cola <zero>")]);
    assert!(loaded.annotations.images[1].objects.is_empty());
}

/// Laid out as CVAT 2 exports it ("CVAT for images 1.1"); typed by hand after its format description.
const CVAT: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<annotations>
  <version>1.1</version>
  <meta><task><id>5</id><labels>
    <label><name>bottle</name><color>#fa3253</color><attributes></attributes></label>
    <label><name>can &amp; lid</name><attributes><attribute><name>sku</name></attribute></attributes></label>
  </labels></task></meta>
  <image id="0" name="store 1/a.jpg" subset="default" task_id="5" width="640" height="480">
    <box label="can &amp; lid" source="manual" occluded="1" xtl="10.50" ytl="20.00" xbr="100.00" ybr="200.25" z_order="0">
      <attribute name="sku">cola &lt;zero&gt;</attribute>
    </box>
    <box label="bottle" occluded="0" xtl="1" ytl="1" xbr="9" ybr="9" rotation="12.5" z_order="0"></box>
    <polygon label="bottle" points="1,1;2,2;3,1" occluded="0" z_order="0"></polygon>
  </image>
  <image id="3" name="store 1/b.jpg" width="640" height="480"></image>
</annotations>
"#;

/// A project of two tasks as CVAT 2 exports it: images of both from 0, labels below `project`, with skeleton parts, tags, masks
/// and the attributes `group_id`, `rotation` and `source` where its format description has them.
#[test]
fn cvat_projects_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("annotations.xml");
    let text = r##"<?xml version="1.0" encoding="utf-8"?>
<annotations>
  <version>1.1</version>
  <meta>
    <project>
      <id>7</id><name>shelves &amp; more</name><created>2026-01-02 10:00:00.1+00:00</created>
      <labels>
        <label><name>bottle</name><color>#ff0000</color><type>rectangle</type><attributes>
          <attribute><name>sku</name><mutable>False</mutable><input_type>text</input_type><default_value></default_value><values></values></attribute>
        </attributes></label>
        <label><name>hand</name><color>#00ff00</color><type>skeleton</type><attributes></attributes>
          <svg>&lt;line x1="1" y1="2" x2="3" y2="4" data-type="edge"&gt;&lt;/line&gt;</svg></label>
        <label><name>finger</name><color>#00ff00</color><type>points</type><attributes></attributes><parent>hand</parent></label>
      </labels>
      <subsets>Train
Validation</subsets>
    </project>
    <dumped>2026-01-02 11:00:00.1+00:00</dumped>
  </meta>
  <image id="0" name="a.jpg" subset="Train" task_id="3" width="100" height="80">
    <box label="bottle" source="semi-auto" occluded="0" xtl="1.00" ytl="2.00" xbr="11.00" ybr="42.00" rotation="0.0" z_order="2" group_id="1">
      <attribute name="sku"></attribute>
    </box>
    <box label="bottle" source="manual" occluded="0" xtl="1.00" ytl="2.00" xbr="11.00" ybr="42.00" rotation="360.0" z_order="2"></box>
    <tag label="bottle" source="manual"></tag>
    <mask label="bottle" source="manual" occluded="0" rle="3, 5, 7" left="1" top="2" width="5" height="3" z_order="0"></mask>
    <skeleton label="hand" source="manual" z_order="0"><points label="finger" source="manual" outside="0" occluded="0" points="1,2"></points></skeleton>
  </image>
  <image id="0" name="b.jpg" subset="Validation" task_id="4" width="100" height="80">
  </image>
</annotations>
"##;
    fs::write(&path, text).unwrap();
    let loaded = read(&path, Format::Cvat, &ReadOptions::default()).unwrap();
    assert_eq!(loaded.left_out.counts(), BTreeMap::from([("masks", 1), ("skeletons", 1), ("tags of whole images", 1)]));
    let names: Vec<_> = loaded.annotations.categories.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["bottle", "hand"]);
    let images: Vec<_> = loaded.annotations.images.iter().map(|i| (i.id, i.file.as_str(), i.objects.len())).collect();
    assert_eq!(images, [(0, "a.jpg", 2), (1, "b.jpg", 0)]);
    assert_eq!(loaded.annotations.images[0].objects[0].rect, Rect { x: 1.0, y: 2.0, w: 10.0, h: 40.0 });
    let video = "<annotations><version>1.1</version>\n<track id=\"0\" label=\"bottle\"><box frame=\"0\"/></track></annotations>";
    assert!(refusal("a.xml", video).starts_with("a.xml:2: holds tracks"), "{}", refusal("a.xml", video));
}

#[test]
fn cvat_refusals_name_file_and_line() {
    let check = |text: String, expected: &str| {
        let left_out = left_out("a.xml", &text);
        assert!(left_out.contains(expected), "{left_out}");
    };
    check(CVAT.replace("xtl=\"10.50\"", "xtl=\"inf\""), "a.xml:9: a coordinate is not a finite number");
    check(CVAT.replace("store 1/b", "../b"), "a.xml:15: \"../b.jpg\" climbs out");
    check(CVAT.replace("occluded=\"1\"", "outside=\"1\""), "1 boxes marked as outside the image");
}
