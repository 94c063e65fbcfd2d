//! The array reader against NumPy's format and against hostile headers.

use classifier::gallery::Matrix;
use classifier::gallery::npy::{NpyError, read, write};
use proptest::prelude::*;

const NO_LIMIT: u64 = 1 << 20;

fn file(header: &str, values: usize) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend(u16::try_from(header.len()).unwrap().to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(vec![0; values * 4]);
    bytes
}

fn parse(bytes: &[u8]) -> Result<Matrix, NpyError> {
    read(bytes, bytes.len() as u64, NO_LIMIT)
}

#[test]
fn the_file_is_what_numpy_writes() {
    // python3 -c "import numpy as np, sys; np.lib.format.write_array(sys.stdout.buffer,
    //   np.array([[1, 2, 3], [-0.5, 0, 4]], '<f4'), version=(1, 0))" | xxd -p
    let expected = concat!(
        "934e554d505901007600",
        "7b276465736372273a20273c6634272c2027666f727472616e5f6f72646572273a2046616c73652c20277368617065273a2028322c2033292c207d",
    );
    let mut expected: Vec<u8> =
        (0..expected.len()).step_by(2).map(|at| u8::from_str_radix(&expected[at..at + 2], 16).unwrap()).collect();
    expected.resize(127, b' ');
    expected.push(b'\n');
    for value in [1.0_f32, 2.0, 3.0, -0.5, 0.0, 4.0] {
        expected.extend(value.to_le_bytes());
    }
    let matrix = Matrix::from_values(3, vec![1.0, 2.0, 3.0, -0.5, 0.0, 4.0]);
    let mut written = Vec::new();
    write(&mut written, &matrix).unwrap();
    assert_eq!(written, expected);
    assert_eq!(parse(&written).unwrap(), matrix);
}

#[test]
fn other_spellings_of_the_same_header_are_read() {
    for header in [
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }",
        "{'shape':(2,3),'fortran_order':False,'descr':'<f4'}",
        "{ \"descr\" : \"<f4\" , \"fortran_order\" : False , \"shape\" : ( 2 , 3 , ) }   \n",
    ] {
        assert_eq!(parse(&file(header, 6)).unwrap(), Matrix::from_values(3, vec![0.0; 6]), "{header}");
    }
    assert_eq!(parse(&file("{'descr':'<f4','fortran_order':False,'shape':(0,3)}", 0)).unwrap().rows(), 0);
}

#[test]
fn foreign_and_hostile_files_are_refused_by_name() {
    let dict = |shape: &str| format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}}}");
    let check = |bytes: &[u8], expected: &str| {
        let error = parse(bytes).expect_err(expected).to_string();
        assert!(error.contains(expected), "{error:?} should contain {expected:?}");
    };
    check(b"", "not a NumPy array");
    check(b"PK\x03\x04 an .npz file", "not a NumPy array");
    check(b"\x93NUMPY\x02\x00\x00\x00\x00\x00", "version 2.0");
    check(b"\x93NUMPY\x01\x00\xff\xff{", "cannot be read");
    check(&file("{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3)}", 12), "\"<f8\"");
    check(&file("{'descr': '>f4', 'fortran_order': False, 'shape': (2, 3)}", 6), "\">f4\"");
    check(&file("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3)}", 6), "column by column");
    check(&file(&dict("(6,)"), 6), "shape [6]");
    check(&file(&dict("()"), 1), "shape []");
    check(&file(&dict("(1, 2, 3)"), 6), "shape [1, 2, 3]");
    check(&file(&dict("(3, 0)"), 0), "shape [3, 0]");
    check(&file(&dict("(2, 3)"), 5), "asks for");
    check(&file(&dict("(2, 3)"), 7), "asks for");
    // Would be 16 EiB, then overflow 64 and 128 bits.
    check(&file(&dict("(1152921504606846976, 4)"), 1), "asks for");
    check(&file(&dict("(18446744073709551615, 18446744073709551615)"), 1), "asks for");
    check(&file(&dict("(18446744073709551616, 1)"), 1), "damaged at byte");
    check(&file(&dict("(-1, 3)"), 1), "damaged at byte");
    for damaged in [
        "",
        "{",
        "{}",
        "{'descr': '<f4', 'shape': (2, 3)}",
        "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}",
        "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2, 3)}",
        "{'descr': '<f4', 'fortran_order': 0, 'shape': (2, 3)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), 'x': 1}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)} x",
        "{'descr': '<f4, 'fortran_order': False, 'shape': (2, 3)}",
        "__import__('os').system('true')",
    ] {
        check(&file(damaged, 6), "damaged at byte");
    }
    let sound = file(&dict("(2, 3)"), 6);
    assert!(matches!(read(&sound[..], sound.len() as u64, 10), Err(NpyError::TooLarge { limit: 10, .. })));
    // The length says whole, the bytes end early.
    assert!(matches!(read(&sound[..sound.len() - 1], sound.len() as u64, NO_LIMIT), Err(NpyError::Io(_))));
}

proptest! {
    #[test]
    fn what_is_written_is_read(columns in 1_usize..40, rows in 0_usize..40, seed: u64) {
        let mut random = crate::support::Random::new(seed);
        let matrix = Matrix::from_values(columns, (0..rows * columns).map(|_| random.value()).collect());
        let mut bytes = Vec::new();
        write(&mut bytes, &matrix).unwrap();
        prop_assert_eq!((bytes.len() - rows * columns * 4) % 64, 0, "values are aligned");
        prop_assert_eq!(parse(&bytes).unwrap(), matrix);
    }

    #[test]
    fn no_bytes_make_it_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..200), framed: bool) {
        if framed && bytes.len() > 10 {
            bytes[..10].copy_from_slice(b"\x93NUMPY\x01\x00\x40\x00");
        }
        let _ = parse(&bytes);
    }
}
