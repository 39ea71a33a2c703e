//! Formulas as data: TOML → graph → SIMD evaluator and WGSL. Knows no device and no file of voxels.
