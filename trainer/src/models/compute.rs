//! Where the models of candle compute: by operations of our own on this machine's processors, or by plain operations
//! of candle on a device.

use candle_core::Device;
use serde::{Deserialize, Serialize};

use crate::error::TrainError;

/// The name of a device in the configuration.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeviceName {
    /// This machine's processors.
    #[default]
    Cpu,
    /// The first NVIDIA card; for programs built with the feature `cuda`.
    Cuda,
}

/// Where losses and spreading over graphs are computed.
#[derive(Debug, Clone, Default)]
pub enum Compute {
    /// On this machine's processors, each operation in one pass written for them.
    #[default]
    Processors,
    /// On a device of candle, by its plain operations: for cards, and on the processor to test what runs on cards.
    Tensors(Device),
}

impl Compute {
    /// The device with this name, ready to use.
    ///
    /// # Errors
    /// For [`DeviceName::Cuda`], where the program was built without the feature `cuda` or no card answers.
    pub fn on(name: DeviceName) -> Result<Self, TrainError> {
        match name {
            DeviceName::Cpu => Ok(Self::Processors),
            DeviceName::Cuda => cuda().map(Self::Tensors),
        }
    }

    /// Where tensors lie.
    pub(super) fn device(&self) -> &Device {
        match self {
            Self::Processors => &Device::Cpu,
            Self::Tensors(device) => device,
        }
    }
}

#[cfg(feature = "cuda")]
fn cuda() -> Result<Device, TrainError> {
    Device::new_cuda(0).map_err(|fault| TrainError::Device {
        device: "cuda",
        reason: format!("no NVIDIA card answers ({fault}); look with `nvidia-smi` whether card and driver are there"),
    })
}

#[cfg(not(feature = "cuda"))]
fn cuda() -> Result<Device, TrainError> {
    Err(TrainError::Device {
        device: "cuda",
        reason:
            "this program was built without it; build it with `cargo build --release --features cuda`, which needs \
                 the CUDA toolkit"
                .to_owned(),
    })
}
