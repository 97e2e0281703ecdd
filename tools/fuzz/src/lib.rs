//! What the fuzz targets hold: the tests' own laws.

/// The parts of the tests' own library that need no built program.
#[path = "../../../tests/common"]
#[allow(dead_code, reason = "each target uses its own part")]
pub mod common {
    pub mod capture;
    pub mod escape;
    pub mod fuzzed;
    pub mod laws;
    pub mod packet;
    pub mod render;
    pub mod traffic;
}
