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

    /// Whether a voxel's σ is an input of what is fitted.
    pub fn needs_sigma(self) -> bool {
        self == Self::Rician
    }

    /// The expected sample where the noiseless one is `signal`; `sigma` is the input that holds σ, in the same unit.
    pub(super) fn expected(self, graph: &mut Graph, signal: Node, sigma: u32) -> Node {
        match self {
            Self::Gaussian => signal,
            Self::Rician => {
                let sigma = graph.input(sigma);
                let [signal, sigma] = [signal, sigma].map(|x| graph.binary(Binary::Mul, x, x));
                let square = graph.binary(Binary::Add, signal, sigma);
                graph.unary(Unary::Sqrt, square)
            }
        }
    }
}
