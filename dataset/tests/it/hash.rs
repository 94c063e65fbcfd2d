//! `dataset::hash` on folders.

use std::fs;
use std::path::Path;

use dataset::hash::{Comparison, HashError, Manifest, ManifestError, Moved, inside};
use proptest::prelude::*;

use crate::shared::{chain, data, write};

fn hash(folder: &Path) -> Manifest {
    Manifest::of_folder(folder, &[], &()).unwrap()
}

#[test]
fn digests_are_those_of_sha256sum() {
    let Some(folder) = data("shelf-scenes/dev") else { return };
    let manifest = hash(&folder);
    assert!(manifest.files().len() > 50, "{} files", manifest.files().len());
    let listed: Vec<_> = manifest.files().iter().map(|f| f.path.clone()).collect();
    let output = std::process::Command::new("sha256sum").current_dir(&folder).args(&listed).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    for (line, entry) in text.lines().zip(manifest.files()) {
        assert_eq!(line, format!("{}  {}", entry.sha256, entry.path));
        assert_eq!(entry.size, fs::metadata(folder.join(&entry.path)).unwrap().len());
    }
    assert_eq!(text.lines().count(), listed.len());
}

#[test]
fn a_manifest_says_what_changed() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    write(root, &[("a/1", b"one"), ("a/2", b"two"), ("b/3", b"three"), ("b/4", b"four"), ("empty", b"")]);
    let kept = root.join("manifest.json");
    let excluded = inside(root, &kept).unwrap();
    assert_eq!(excluded, "manifest.json");
    let old = Manifest::of_folder(root, std::slice::from_ref(&excluded), &()).unwrap();
    old.write(&kept).unwrap();
    assert_eq!(Manifest::read(&kept).unwrap(), old);
    let again = Manifest::of_folder(root, old.excluded(), &()).unwrap();
    assert_eq!(again.root(), old.root(), "the manifest inside the folder does not count");
    assert!(Comparison::between(&old, &again).is_same());

    fs::write(root.join("a/1"), "ONE").unwrap();
    fs::rename(root.join("a/2"), root.join("b/2 moved")).unwrap();
    fs::remove_file(root.join("b/3")).unwrap();
    fs::write(root.join("b/5"), "five").unwrap();
    fs::rename(root.join("empty"), root.join("void")).unwrap();
    let new = Manifest::of_folder(root, old.excluded(), &()).unwrap();
    assert_ne!(new.root(), old.root());
    assert_eq!(
        Comparison::between(&old, &new),
        Comparison {
            added: vec!["b/5".into(), "void".into()],
            removed: vec!["b/3".into(), "empty".into()],
            changed: vec!["a/1".into()],
            moved: vec![Moved { from: "a/2".into(), to: "b/2 moved".into() }],
        }
    );
}

#[test]
fn damaged_manifests_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("data");
    write(&root, &[("a", b"1"), ("b", b"2")]);
    let path = folder.path().join("m.json");
    hash(&root).write(&path).unwrap();
    let good = fs::read_to_string(&path).unwrap();
    let check = |from: &str, to: &str, expected: &str| {
        assert!(good.contains(from), "{from} is not in {good}");
        fs::write(&path, good.replacen(from, to, 1)).unwrap();
        let message = chain(&Manifest::read(&path).unwrap_err());
        assert!(message.contains(expected) && message.contains("m.json"), "{message}");
    };
    check("\"size\":1", "\"size\":2", "is damaged");
    check("\"path\":\"a\"", "\"path\":\"c\"", "out of order or given twice");
    check("\"version\": 1", "\"version\": 9", "of version 9; this program reads");
    check("\"format\"", "\"kind\"", "line 2 column");
    check("]\n}", "", "EOF");
    fs::remove_file(&path).unwrap();
    assert!(matches!(Manifest::read(&path), Err(ManifestError::File(_))));
}

#[cfg(unix)]
#[test]
fn links_lead_nowhere() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    write(outside.path(), &[("secret", b"not in the data set")]);
    let root = folder.path();
    write(root, &[("a/1", b"one")]);
    let plain = hash(root);
    symlink(outside.path(), root.join("a/out")).unwrap();
    symlink(root, root.join("a/loop")).unwrap();
    symlink("nowhere", root.join("dangling")).unwrap();
    let linked = hash(root);
    assert_eq!(linked.files(), plain.files(), "nothing is read through a link");
    assert_eq!(linked.links().len(), 3);
    assert_ne!(linked.root(), plain.root(), "but a link is content, too");
    fs::remove_file(root.join("dangling")).unwrap();
    symlink("elsewhere", root.join("dangling")).unwrap();
    assert_eq!(Comparison::between(&linked, &hash(root)).changed, ["dangling"]);
    // The folder itself may be reached through a link.
    let way = outside.path().join("way");
    symlink(root, &way).unwrap();
    assert_eq!(hash(&way).root(), hash(root).root());
}

#[cfg(unix)]
#[test]
fn what_cannot_be_read_is_named() {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::net::UnixListener;
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    write(root, &[("a", b"1"), ("b", b"2"), ("c", b"3")]);
    let error = Manifest::of_folder(&root.join("nowhere"), &[], &()).unwrap_err();
    assert!(error.to_string().contains("cannot list") && error.to_string().contains("nowhere"), "{error}");
    let error = Manifest::of_folder(&root.join("a"), &[], &()).unwrap_err();
    assert!(error.to_string().ends_with("a is not a folder"), "{error}");

    for name in ["b", "c"] {
        fs::set_permissions(root.join(name), fs::Permissions::from_mode(0o000)).unwrap();
    }
    // Root reads everything; then there is nothing to see here.
    if fs::read(root.join("b")).is_err() {
        let error = Manifest::of_folder(root, &[], &()).unwrap_err();
        assert!(matches!(error, HashError::Unreadable { others: 1, .. }), "{error}");
        assert!(error.to_string().ends_with("b (and another file)"), "{error}");
    }
    let _listener = UnixListener::bind(root.join("socket")).unwrap();
    let error = Manifest::of_folder(root, &[], &()).unwrap_err();
    assert!(error.to_string().contains("socket is neither a file nor a folder"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// The root depends on every path and byte, and on nothing else.
    #[test]
    fn the_root_stands_for_the_content(
        files in prop::collection::btree_map("[a-d]{1,3}(/[a-d]{1,3}x)?", prop::collection::vec(any::<u8>(), 0..40), 1..12),
        reverse in any::<bool>(),
        victim in any::<prop::sample::Index>(),
    ) {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let list: Vec<(&str, &[u8])> = files.iter().map(|(p, b)| (p.as_str(), b.as_slice())).collect();
        let clashes = |p: &str| list.iter().any(|(q, _)| q.starts_with(&format!("{p}/")));
        prop_assume!(!list.iter().any(|(p, _)| clashes(p)));
        write(one.path(), &list);
        let mut shuffled = list.clone();
        if reverse { shuffled.reverse(); }
        write(other.path(), &shuffled);
        fs::create_dir(other.path().join("an empty folder")).unwrap();
        let (a, b) = (hash(one.path()), hash(other.path()));
        prop_assert_eq!(a.root(), b.root());

        let (path, bytes) = victim.get(&list);
        let mut changed = bytes.to_vec();
        changed.push(7);
        fs::write(other.path().join(path), &changed).unwrap();
        let c = hash(other.path());
        prop_assert_ne!(c.root(), a.root());
        prop_assert_eq!(Comparison::between(&a, &c).changed, vec![(*path).to_owned()]);
        fs::write(other.path().join(path), bytes).unwrap();
        fs::rename(other.path().join(path), other.path().join("zz")).unwrap();
        prop_assert_ne!(hash(other.path()).root(), a.root());
    }
}
