//! Fitting signal models to the voxels of a series.
