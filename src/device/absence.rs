//! Why a machine has no GPU to offer, from what can be seen without a driver.

use std::path::{Path, PathBuf};

/// What the system shows of GPUs before any driver is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sight {
    /// Device nodes of GPU drivers; none where a GPU is there whose nodes appear on first use.
    Nodes(Vec<PathBuf>),
    /// No sign of a GPU.
    Nothing,
    /// This operating system shows no such signs: only the driver knows.
    Unknown,
}

/// Looks for GPUs where Linux shows them. Costs well under a millisecond, against tens for loading Vulkan drivers.
pub(super) fn look() -> Sight {
    if cfg!(target_os = "linux") {
        look_in(Path::new("/dev"), Path::new("/sys/bus/pci/devices"))
    } else {
        Sight::Unknown
    }
}

/// Device nodes that Vulkan drivers open: DRM render nodes; NVIDIA's, also on Tegra; WSL's; Arm's, Qualcomm's and
/// Imagination's own. A `card` node alone is a display controller without a GPU, as servers have.
fn look_in(dev: &Path, pci: &Path) -> Sight {
    let mut nodes = entries(&dev.join("dri"), &["renderD"]);
    nodes.extend(entries(dev, &["nvidia", "nvhost", "nvgpu", "nvmap", "dxg", "kgsl", "mali", "pvr"]));
    nodes.sort();
    if nodes.is_empty() && !has_nvidia_display_controller(pci) {
        return Sight::Nothing;
    }
    Sight::Nodes(nodes)
}

/// A device node that the user lacks the permission for, where none can be opened. Opening may wake a GPU up, so this
/// is for explaining, not for looking.
pub(super) fn denied(sight: &Sight) -> Option<&Path> {
    let Sight::Nodes(nodes) = sight else {
        return None;
    };
    let is_denied = |node: &PathBuf| {
        let opened = std::fs::File::options().read(true).write(true).open(node);
        opened.is_err_and(|e| e.kind() == std::io::ErrorKind::PermissionDenied)
    };
    nodes.iter().all(is_denied).then(|| nodes.first())?.map(PathBuf::as_path)
}

fn entries(folder: &Path, prefixes: &[&str]) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let fits = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        prefixes.iter().any(|prefix| name.starts_with(prefix))
    };
    entries.flatten().map(|e| e.path()).filter(fits).collect()
}

/// NVIDIA's driver makes its nodes on first use (`nvidia-modprobe`), so the bus is asked too.
fn has_nvidia_display_controller(pci: &Path) -> bool {
    let is = |device: &Path, file: &str, prefix: &str| {
        std::fs::read_to_string(device.join(file)).is_ok_and(|text| text.starts_with(prefix))
    };
    entries(pci, &[""]).iter().any(|device| is(device, "vendor", "0x10de") && is(device, "class", "0x03"))
}

/// One sentence on why there is no real GPU. `denied` is a node without permission, `driver_loaded` says whether any
/// graphics interface could be started, and `software` names the software GPUs that were found.
pub(super) fn why(sight: &Sight, denied: Option<&Path>, driver_loaded: bool, software: &[&str]) -> String {
    if !cfg!(feature = "gpu") {
        "this hepar was built without GPU support (cargo feature `gpu`)".into()
    } else if *sight == Sight::Nothing {
        "the system shows no GPU (no /dev/dri/renderD*, no /dev/nvidia*, no /dev/dxg)".into()
    } else if let Some(node) = denied {
        format!("no permission to open {} (ask to join the group that owns it, often `render`)", node.display())
    } else if !driver_loaded {
        "no GPU driver could be loaded (on Linux: Vulkan's loader libvulkan.so.1 and the GPU's Vulkan driver)".into()
    } else if !software.is_empty() {
        format!(
            "only software GPUs were found ({}; they can be asked for by name): the GPU's own driver is missing",
            software.join(", ")
        )
    } else {
        "the drivers that are installed found no GPU".into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        root
    }

    fn seen(files: &[(&str, &str)]) -> Sight {
        let root = machine(files);
        look_in(&root.path().join("dev"), &root.path().join("pci"))
    }

    #[test]
    fn disks_and_displays_are_no_gpus() {
        assert_eq!(seen(&[]), Sight::Nothing);
        let server = [
            ("dev/nvme0n1", ""),
            ("dev/dri/card0", ""),
            ("pci/a/vendor", "0x1a03\n"),
            ("pci/a/class", "0x030000\n"),
            ("pci/b/vendor", "0x10de\n"),
            ("pci/b/class", "0x0c0330\n"),
        ];
        assert_eq!(seen(&server), Sight::Nothing);
    }

    #[test]
    fn every_sign_of_a_gpu_counts() {
        for node in ["dev/dri/renderD128", "dev/nvidiactl", "dev/dxg", "dev/nvhost-gpu"] {
            let sight = seen(&[(node, "")]);
            assert!(matches!(&sight, Sight::Nodes(nodes) if nodes.len() == 1), "{node}: {sight:?}");
        }
        let sleeping = [("pci/a/vendor", "0x10de\n"), ("pci/a/class", "0x030200\n")];
        assert_eq!(seen(&sleeping), Sight::Nodes(Vec::new()));
    }

    #[cfg(feature = "gpu")]
    #[test]
    fn every_reason_is_told_apart() {
        let nodes = Sight::Nodes(vec!["/dev/dri/renderD128".into()]);
        let locked = Some(Path::new("/dev/dri/renderD128"));
        for (sight, denied, loaded, software, part) in [
            (&Sight::Nothing, None, true, &["llvmpipe"][..], "shows no GPU"),
            (&nodes, locked, true, &[], "no permission to open /dev/dri/renderD128"),
            (&nodes, None, false, &[], "no GPU driver could be loaded"),
            (&Sight::Unknown, None, false, &[], "no GPU driver could be loaded"),
            (&nodes, None, true, &["llvmpipe"], "only software GPUs were found (llvmpipe"),
            (&nodes, None, true, &[], "found no GPU"),
        ] {
            let reason = why(sight, denied, loaded, software);
            assert!(reason.contains(part), "{sight:?}: {reason}");
        }
    }
}
