//! The streams of a seed never change: digests that an independent implementation of the published generators gave.

use vision::rng::{Rng, derive};
use vision::{Random, Sha256};

#[test]
fn the_stream_of_shelves_is_pcg_xsh_rr() {
    let mut rng = Rng::new(42);
    assert_eq!([(); 4].map(|()| rng.next_u32()), [0x00c9_ab72, 0xc467_69cd, 0x08d6_f874, 0xc952_16df]);
    let mut rng = Rng::new(42);
    let bytes: Vec<u8> = (0..4096).flat_map(|_| rng.next_u32().to_le_bytes()).collect();
    let digest = "6b1ae21337b615ac3a9285c241f6546b488cd0ed13038515e0b063d4cb861203";
    assert_eq!(Sha256::of(&bytes).to_string(), digest);
    assert_eq!((derive(1, 2), derive(2, 1)), (0xf893_a2ee_fb32_555e, 0xbfc8_4610_0bfc_1e42));
}

#[test]
fn the_stream_of_weights_is_xoshiro256_plus_plus() {
    let mut random = Random::new(42);
    let first = [(); 3].map(|()| random.next_u64());
    assert_eq!(first, [0xd076_4d4f_4476_689f, 0x519e_4174_576f_3791, 0xfbe0_7cfb_0c24_ed8c]);
    let mut random = Random::new(42);
    let bytes: Vec<u8> = (0..4096).flat_map(|_| random.next_u64().to_le_bytes()).collect();
    let digest = "eea8f9848a4f53d1ee9e01143d1a2b5ece91a2d96f9a88f574b5ea620b1e6c32";
    assert_eq!(Sha256::of(&bytes).to_string(), digest);
    assert_eq!(Random::stream(42, 7).next_u64(), 0x13aa_5b29_51cf_8961);
    assert_eq!(Random::named(42, "weights").next_u64(), 0x3660_0656_8a9d_d4d7);
}
