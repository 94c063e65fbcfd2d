//! Names for annotated images: no two photos share one.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

/// A path below the output folder for each photo. `IMG_1.jpg` becomes `IMG_1.annotated.jpg`; where others would have the same name
/// its ending is added, then the folders it lies in, and at last a number (for a photo that is named twice).
pub(crate) fn names(photos: &[PathBuf]) -> Vec<PathBuf> {
    let mut steps = vec![0; photos.len()];
    loop {
        let names: Vec<PathBuf> = photos.iter().zip(&steps).map(|(photo, step)| name(photo, *step)).collect();
        let mut by_name: HashMap<String, Vec<usize>> = HashMap::new();
        for (at, name) in names.iter().enumerate() {
            // Some file systems do not tell capitals from small letters.
            by_name.entry(name.to_string_lossy().to_lowercase()).or_default().push(at);
        }
        let shared: Vec<Vec<usize>> = by_name.into_values().filter(|all| all.len() > 1).collect();
        if shared.is_empty() {
            return names;
        }
        for all in shared {
            let last = all.iter().all(|&at| steps[at] >= steps_of(&photos[at]));
            for (number, at) in all.into_iter().enumerate() {
                // Nothing tells them apart but their place in the list.
                steps[at] += if last { number } else { usize::from(steps[at] < steps_of(&photos[at])) };
            }
        }
    }
}

/// The photo's folders, outermost first.
fn folders(photo: &Path) -> Vec<OsString> {
    let whole = std::path::absolute(photo).unwrap_or_else(|_| photo.to_owned());
    let folders = whole.parent().into_iter().flat_map(Path::components);
    folders.filter(|part| matches!(part, Component::Normal(_))).map(|part| part.as_os_str().to_owned()).collect()
}

/// Steps before numbers.
fn steps_of(photo: &Path) -> usize {
    2 * folders(photo).len() + 1
}

/// The name after so many steps: even ones without the photo's ending, odd ones with it, each two with one more folder.
fn name(photo: &Path, step: usize) -> PathBuf {
    let folders = folders(photo);
    let (step, number) = (step.min(steps_of(photo)), step.saturating_sub(steps_of(photo)));
    let file = if step.is_multiple_of(2) { photo.file_stem() } else { photo.file_name() };
    let mut file = file.unwrap_or_default().to_owned();
    if number > 0 {
        file.push(format!("-{}", number + 1));
    }
    file.push(".annotated.jpg");
    folders[folders.len() - (step / 2).min(folders.len())..].iter().collect::<PathBuf>().join(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_photos_share_a_name() {
        let check = |photos: &[&str], expected: &[&str]| {
            let photos: Vec<PathBuf> = photos.iter().map(PathBuf::from).collect();
            let expected: Vec<PathBuf> = expected.iter().map(PathBuf::from).collect();
            assert_eq!(names(&photos), expected);
        };
        check(&["/p/a.jpg", "/p/b.png"], &["a.annotated.jpg", "b.annotated.jpg"]);
        check(&["/p/shop1/a.jpg", "/p/shop2/a.jpg"], &["shop1/a.annotated.jpg", "shop2/a.annotated.jpg"]);
        check(
            &["/p/a.jpg", "/p/a.jpeg", "/p/b.jpg"],
            &["a.jpg.annotated.jpg", "a.jpeg.annotated.jpg", "b.annotated.jpg"],
        );
        check(&["/p/a.jpg", "/p/a.jpg.jpg"], &["a.annotated.jpg", "a.jpg.annotated.jpg"]);
        check(&["/x/s/a.jpg", "/y/s/a.jpg"], &["x/s/a.annotated.jpg", "y/s/a.annotated.jpg"]);
        check(&["/p/A.jpg", "/q/a.jpg"], &["p/A.annotated.jpg", "q/a.annotated.jpg"]);
        let twice = names(&["/p/a.jpg", "/p/a.jpg", "/p/a.jpg"].map(PathBuf::from));
        assert_eq!(twice.iter().collect::<std::collections::HashSet<_>>().len(), 3, "{twice:?}");
        // What one is called after a step may be another's plain name.
        let mixed = names(&["/p/a.jpg", "/p/a.png", "/p/a.jpg.jpg"].map(PathBuf::from));
        assert_eq!(mixed.iter().collect::<std::collections::HashSet<_>>().len(), 3, "{mixed:?}");
    }
}
