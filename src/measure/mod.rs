//! Regions, lesions and their tables.
