//! The way from the workers to the store: bounded in photos and bytes, and nobody waits for it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use store::photos::NewPhoto;
use tokio::sync::mpsc;
use vision::Sha256;

use crate::config::Photos;

/// Photos that may wait to be written.
const ROOM: usize = 256;
/// Bytes of their files.
const BYTES: usize = 256 << 20;

/// A photo that waits, and the room it takes.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(super) photo: NewPhoto,
    held: Arc<AtomicUsize>,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.held.fetch_sub(self.photo.file.len(), Ordering::AcqRel);
    }
}

/// Takes photos in.
#[derive(Debug)]
pub(crate) struct PhotoIntake {
    /// `None` where no photo is kept.
    photos: Option<mpsc::Sender<Waiting>>,
    inbox: Mutex<Option<mpsc::Receiver<Waiting>>>,
    ratio: f32,
    held: Arc<AtomicUsize>,
}

impl PhotoIntake {
    pub(crate) fn new(settings: &Photos, store: bool) -> Self {
        let (photos, inbox) = (settings.keep && store).then(|| mpsc::channel(ROOM)).unzip();
        Self { photos, inbox: Mutex::new(inbox), ratio: settings.ratio, held: Arc::default() }
    }

    /// Whether a photo of that digest is to be kept: always or never.
    pub(crate) fn wants(&self, photo: Sha256) -> bool {
        self.photos.is_some() && falls_below(photo, self.ratio)
    }

    /// Whether there was room for it.
    pub(crate) fn take(&self, photo: NewPhoto) -> bool {
        let Some(photos) = &self.photos else { return true };
        let bytes = photo.file.len();
        let before = self.held.fetch_add(bytes, Ordering::AcqRel);
        let waiting = Waiting { photo, held: Arc::clone(&self.held) };
        // What finds no room gives back by itself what it took.
        before.saturating_add(bytes) <= BYTES && photos.try_send(waiting).is_ok()
    }

    /// The other end, once: for whoever writes.
    pub(super) fn inbox(&self) -> Option<mpsc::Receiver<Waiting>> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Digests are as good as random: their first bytes are a number in `0..1`.
fn falls_below(photo: Sha256, ratio: f32) -> bool {
    let first = u32::from_be_bytes([photo.0[0], photo.0[1], photo.0[2], photo.0[3]]);
    f64::from(first) / 4_294_967_296.0 < f64::from(ratio)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_kept_and_a_photo_is_always_in_or_never() {
        let digests: Vec<Sha256> = (0..10_000_u32).map(|n| Sha256::of(&n.to_le_bytes())).collect();
        let kept = |ratio| digests.iter().filter(|photo| falls_below(**photo, ratio)).count();
        assert_eq!((kept(0.0), kept(1.0)), (0, 10_000));
        assert!((2_300..2_700).contains(&kept(0.25)), "{}", kept(0.25));
        assert!(digests.iter().all(|photo| !falls_below(*photo, 0.25) || falls_below(*photo, 0.5)));
    }

    #[test]
    fn bytes_that_wait_are_bounded_and_given_back() {
        let intake = PhotoIntake::new(&Photos { keep: true, ..crate::config::ServerConfig::default().photos }, true);
        let mut inbox = intake.inbox().expect("once");
        assert!(intake.inbox().is_none());
        let photo = |bytes: usize| NewPhoto {
            organisation: String::new(),
            at: 0,
            request_id: String::new(),
            release: String::new(),
            store: None,
            shelf: None,
            taken_at: None,
            photo: Sha256::of(b""),
            file: vec![0; bytes].into(),
            extension: "jpg",
            width: 1,
            height: 1,
            image_hash: None,
            answer: Vec::new(),
        };
        assert!(intake.take(photo(BYTES - 10)) && intake.take(photo(10)) && !intake.take(photo(1)));
        drop(inbox.try_recv().expect("the first"));
        assert!(intake.take(photo(1)));
        assert!((0..ROOM).filter(|_| intake.take(photo(0))).count() == ROOM - 2);
    }
}
