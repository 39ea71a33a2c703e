//! How far results may lie apart, and why: every tolerance between devices or programs stands here.

/// Noiseless decays, f32: relative to max(ADC, [`ADC_FLOOR`]). The logarithms of four signals near 1 are known to 1e-7;
/// a slope of 0.1 over 0.7 ms/µm² turns that into some 1e-6.
pub const ADC_NOISELESS: f64 = 1e-5;
/// mm²/s.
pub const ADC_FLOOR: f64 = 0.5e-3;

/// LLS against numpy's float64, f32: relative to max(|ADC|, [`ADC_LLS_FLOOR`]), by the same argument.
pub const ADC_LLS_F32: f64 = 1e-5;
/// LLS against numpy's float64, f64: two ways to solve the same normal equations.
pub const ADC_LLS_F64: f64 = 1e-9;
/// mm²/s.
pub const ADC_LLS_FLOOR: f64 = 1e-4;

/// IWLLS on a GPU against the CPU, mm²/s: the iteration ends where the next step would be below 1e-9 mm²/s.
pub const ADC_DEVICES: f64 = 1e-8;
/// And of the standard error: where noise leaves the slope loose, rounding moves it along.
pub const ADC_DEVICES_SE: f64 = 1e-4;

/// Segmented IVIM in f64 against independent programs: D and f, cell by cell, relative. Both solve the same normal equations
/// as often.
pub const SEGMENTED_REFERENCE_LINE: f64 = 1e-10;
/// D*: of cells, where their search stops when the residual sum would fall by less than 1e-8, and of each fit, where it is let
/// go on.
pub const SEGMENTED_REFERENCE_DSTAR: f64 = 1e-4;

/// Segmented IVIM in f32 of noiseless decays, relative: log-signals known to 1e-7 give D and f to some 1e-6, and what is
/// left of a signal, some 0.05 of S0, carries that into D* as some 1e-5.
pub const SEGMENTED_NOISELESS: f64 = 1e-4;

/// Segmented IVIM in f32 against f64, on noisy signals. D, mm²/s: as for the ADC.
pub const SEGMENTED_D: f64 = ADC_DEVICES;
/// f: the intercept moves by the mean b, some 500 s/mm², times D.
pub const SEGMENTED_F: f64 = 5e-6;
/// D*, relative: its minimum may be flat, so that rounding moves it by hundreds of roundings.
pub const SEGMENTED_DSTAR: f64 = 1e-3;
/// Residual sum of squares, relative: residuals of some 0.01 of S0 move with f's rounding, 1e-6 of S0.
pub const SEGMENTED_RESIDUAL_SUM: f64 = 1e-3;

/// Sums of squares of non-linear fits in f64 against the least that a multi-start search in another program found.
pub const NLLS_SQUARES_F64: f64 = 1e-7;
/// Parameters that the data determine (standard errors below 10 %), relative: a sum of squares within 1e-12 leaves them
/// within 1e-6 of their standard errors.
pub const NLLS_PARAMETERS_F64: f64 = 1e-6;
/// Their standard errors, relative, which move with the parameters.
pub const NLLS_SE_F64: f64 = 1e-5;
/// Sums of squares in f32: signals known to 1e-7 of the largest, residuals of 1e-2 of it.
pub const NLLS_SQUARES_F32: f64 = 1e-3;
/// Cells' means against the published ones, which were found with looser tolerances; relative.
pub const NLLS_OSIPI_MEAN: f64 = 1e-4;
/// And their standard deviations.
pub const NLLS_OSIPI_SD: f64 = 1e-3;

/// Non-linear fits in f32 on a GPU against f64 from as many starts: relative excess of the sum of squares that counts as
/// the same minimum...
pub const NLLS_EXCESS: f64 = 1e-3;
/// ... and the share of voxels at SNR 30 that reach it: rounding may lead to another minimum now and then.
pub const NLLS_SHARE: f64 = 0.995;
/// The share of IVIM fits that find as low a minimum where second starts are left out as where none is; 0.9997 were seen, and
/// 0.995 without any second start.
pub const NLLS_SECOND_STARTS: f64 = 0.999;
/// The median excess: a fit ends when its next step promises less than 1e-5 of the sum, and is taken.
pub const NLLS_MEDIAN_EXCESS: f64 = 1e-5;
/// All columns, in 95 % of the voxels, relative to the value or, if that is more, its standard error: an excess x of the
/// sum with n degrees of freedom is √(x·n) standard errors, 0.1 for the excess above and ten samples. Where six parameters
/// are fitted to ten samples, some valleys are flatter than that.
pub const NLLS_COLUMNS: f64 = 0.1;
/// And their median: 0.003 for an excess of 1e-6.
pub const NLLS_COLUMNS_MEDIAN: f64 = 3e-3;

/// Parameters that noiseless signals are fitted by, relative, in f64...
pub const NLLS_NOISELESS_F64: f64 = 1e-9;
/// ... and in f32, where the samples determine them that well...
pub const NLLS_NOISELESS_F32: f64 = 1e-5;
/// ... else in standard deviations of what noise of half a unit in the last place of the largest sample leaves: the model's
/// signals are rounded too, which leaves up to 2.6 of them.
pub const NLLS_NOISELESS_ROUNDING: f64 = 4.0;
/// In so many of the voxels: a few end in another minimum.
pub const NLLS_NOISELESS_SHARE: f64 = 0.99;

/// Goodness of a fit from its maps: residuals are found in f64 and stored in f32, as are the parameters and the other
/// side of each comparison; relative to the signal, or to the number itself where that is about 1.
pub const GOODNESS_F32: f64 = 2e-6;

/// Signals computed from maps that were fitted in f32 to noiseless signals, relative to the largest: fits end within some 1e-5
/// of their parameters, in directions that hardly change the signal.
pub const SYNTHESIS_ROUND_TRIP: f64 = 1e-5;
