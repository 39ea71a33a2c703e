//! What a sample is expected to be where noise acts on it.

use crate::model::graph::{Graph, Node};
use crate::model::operator::{Binary, Unary};

/// How noise appears in the samples of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum NoiseModel {
    /// Symmetric about the signal: fits are least squares.
    #[default]
    Gaussian,
    /// That of magnitude images, approximated by Gaussian noise about √(S² + σ²) (Alexander 2009, in Laidlaw & Weickert,
    /// Visualization and Processing of Tensor Fields, Springer, p. 3). The true mean of a magnitude is σ·√(π/2) where there is no signal (Gudbjartsson
    /// 1995, doi:10.1002/mrm.1910340618): the approximation is 20 % low there, 2 % at S = 2σ.
    Rician,
}

impl NoiseModel {
    /// As on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gaussian => "gaussian",
            Self::Rician => "rician",
        }
    }

    /// What residuals are, for sidecars.
    pub fn residual(self) -> &'static str {
        match self {
            Self::Gaussian => "signal less fit",
            Self::Rician => "signal less the expected magnitude sqrt(fit^2 + sigma^2)",
        }
    }

    /// Whether a voxel's σ is an input of what is fitted.
    pub fn needs_sigma(self) -> bool {
        self == Self::Rician
    }

    /// The expected sample where the noiseless one is `signal`; `sigma` is the input that holds σ, in the same unit. Where there
    /// is `kind`, it is 1 for samples that have such noise and 0 for those that are expected to be the signal itself.
    pub(super) fn expected(self, graph: &mut Graph, signal: Node, sigma: u32, kind: Option<Node>) -> Node {
        match self {
            Self::Gaussian => signal,
            Self::Rician => {
                let sigma = graph.input(sigma);
                let squares = [signal, sigma].map(|x| graph.binary(Binary::Mul, x, x));
                let square = graph.binary(Binary::Add, squares[0], squares[1]);
                let magnitude = graph.unary(Unary::Sqrt, square);
                let Some(kind) = kind else { return magnitude };
                let raised = graph.binary(Binary::Sub, magnitude, signal);
                let raised = graph.binary(Binary::Mul, kind, raised);
                graph.binary(Binary::Add, signal, raised)
            }
        }
    }
}
