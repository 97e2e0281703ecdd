//! What the fuzz targets hold, tried here on the cases and on some inputs that are made up.

use crate::common::cases::all_cases;
use crate::common::fuzzed;
use proptest::prelude::*;
use std::fs;

/// As long as libFuzzer makes them (`tools/fuzz/run`).
const LONGEST: usize = 16_384;

#[test]
fn each_case_with_some_options_and_cut() {
    let mut tried = 0;
    for (place, case) in all_cases().iter().enumerate() {
        let Ok(trace) = fs::read(case.join("trace.strace")) else { continue };
        if trace.len() <= LONGEST {
            for number in (0..4).map(|choice| u8::try_from((4 * place + choice) % 256).expect("it is less than 256")) {
                fuzzed::bytes(&[[number, number.wrapping_mul(37)].as_slice(), &trace].concat());
            }
            tried += 1;
        }
    }
    assert!(tried > 300, "{tried} cases");
}

proptest! {
    #[test]
    fn made_up_traffic(data in proptest::collection::vec(any::<u8>(), 0..600)) {
        fuzzed::traffic(&data);
    }
}
