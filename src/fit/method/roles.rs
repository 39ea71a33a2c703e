//! What kind of map each output of a kernel is.

use super::Role;
use crate::fit::nlls::{NllsOutput, Quantity};
use crate::fit::spectrum::{SpectrumOutput, SpectrumQuantity};
use crate::fit::{AdcOutput, SegmentedOutput};
use crate::model::signal::SIGNAL;

pub(super) fn adc_role(output: AdcOutput) -> Role {
    match output {
        AdcOutput::Adc => Role::Estimate,
        AdcOutput::S0 => Role::Signal,
        AdcOutput::AdcSe => Role::StandardError,
        AdcOutput::Rmse | AdcOutput::R2 => Role::Goodness,
        AdcOutput::Iterations => Role::Iterations,
        AdcOutput::Status => Role::Status,
    }
}

pub(super) fn segmented_role(output: SegmentedOutput) -> Role {
    use SegmentedOutput::{Aicc, D, Dstar, F, FDstar, Iterations, R2, Rmse, S0, Status};
    match output {
        S0 => Role::Signal,
        D | F | Dstar | FDstar => Role::Estimate,
        Rmse | R2 | Aicc => Role::Goodness,
        Iterations => Role::Iterations,
        Status => Role::Status,
    }
}

pub(super) fn nlls_role(output: &NllsOutput) -> Role {
    match output.quantity {
        Quantity::Parameter(_) | Quantity::Derived(_) if output.unit == SIGNAL => Role::Signal,
        Quantity::Parameter(_) | Quantity::Derived(_) => Role::Estimate,
        Quantity::ParameterSe(_) | Quantity::DerivedSe(_) => Role::StandardError,
        Quantity::Rmse | Quantity::R2 | Quantity::Aicc => Role::Goodness,
        Quantity::Iterations => Role::Iterations,
        Quantity::Status => Role::Status,
    }
}

pub(super) fn spectrum_role(output: &SpectrumOutput) -> Role {
    use SpectrumQuantity as Q;
    match output.quantity {
        Q::S0 => Role::Signal,
        Q::Fraction(_) | Q::Position(_) => Role::Estimate,
        Q::Peaks | Q::Rmse | Q::Regularisation => Role::Goodness,
        Q::Iterations => Role::Iterations,
        Q::Status => Role::Status,
        Q::Spectrum => Role::Spectrum,
    }
}
