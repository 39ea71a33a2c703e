#!/usr/bin/env python3
"""What the fits' shaders take of an RDNA 2 GPU, and a table of it in docs/gpu-registers.md. No such GPU is needed.

Mesa's Vulkan driver for AMD compiles for a GPU that is only named (its null device) and prints what a shader takes.

    cargo run --release --example shaders -- DIR
    benches/registers.py DIR docs/gpu-registers.md

Needs naga (cargo install naga-cli), Mesa's radeon driver and `pip install vulkan`. Without the second argument the table
is printed.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

GPU = "NAVI21"
STATISTICS = ["VGPRs", "SGPRs", "Spilled VGPRs", "Spilled SGPRs", "Scratch size", "Subgroups per SIMD", "Instructions"]
HEAD = """# Registers of the fits' shaders

What Mesa's driver for AMD makes of the shaders for {gpu} (RDNA 2), 10 observations of int16: `parameters` writes the
fitted parameters and the status, `all` also derived quantities, standard errors and how well the model fits. Spills and
scratch memory would be slow; waves are what a SIMD unit holds at once.
Written by

```
cargo run --release --example shaders -- DIR && benches/registers.py DIR docs/gpu-registers.md
```

with {driver}.

"""


def to_spirv(wgsl: Path, folder: Path) -> bytes:
    """SPIR-V as wgpu makes it where the driver keeps buffer accesses within bounds."""
    spirv = folder / "shader.spv"
    subprocess.run(["naga", str(wgsl), str(spirv)], check=True, stdout=subprocess.DEVNULL)
    return spirv.read_bytes()


def open_null_device():
    import vulkan as vk

    info = vk.VkApplicationInfo(apiVersion=vk.VK_MAKE_VERSION(1, 3, 0))
    instance = vk.vkCreateInstance(vk.VkInstanceCreateInfo(pApplicationInfo=info), None)
    gpu = vk.vkEnumeratePhysicalDevices(instance)[0]
    name = vk.vkGetPhysicalDeviceProperties(gpu).deviceName
    if GPU not in name.upper():
        sys.exit(f"{name} is not {GPU}: is Mesa's radeon driver installed?")
    queue = vk.VkDeviceQueueCreateInfo(queueFamilyIndex=0, queueCount=1, pQueuePriorities=[1.0])
    features = vk.VkPhysicalDeviceFeatures(robustBufferAccess=True)
    device = vk.VkDeviceCreateInfo(
        queueCreateInfoCount=1,
        pQueueCreateInfos=[queue],
        pEnabledFeatures=[features],
        enabledExtensionCount=1,
        ppEnabledExtensionNames=["VK_KHR_pipeline_executable_properties"],
    )
    return vk, instance, vk.vkCreateDevice(gpu, device, None), name


def layout_of(vk, device):
    """The bindings of shaders/common/batch.wgsl."""
    kinds = [vk.VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER] + 4 * [vk.VK_DESCRIPTOR_TYPE_STORAGE_BUFFER]
    bindings = [
        vk.VkDescriptorSetLayoutBinding(
            binding=i, descriptorType=kind, descriptorCount=1, stageFlags=vk.VK_SHADER_STAGE_COMPUTE_BIT
        )
        for i, kind in enumerate(kinds)
    ]
    sets = vk.vkCreateDescriptorSetLayout(
        device, vk.VkDescriptorSetLayoutCreateInfo(bindingCount=len(bindings), pBindings=bindings), None
    )
    return vk.vkCreatePipelineLayout(
        device, vk.VkPipelineLayoutCreateInfo(setLayoutCount=1, pSetLayouts=[sets]), None
    )


def compile_for(vk, device, layout, spirv: bytes):
    module = vk.vkCreateShaderModule(device, vk.VkShaderModuleCreateInfo(codeSize=len(spirv), pCode=spirv), None)
    stage = vk.VkPipelineShaderStageCreateInfo(stage=vk.VK_SHADER_STAGE_COMPUTE_BIT, module=module, pName="main")
    vk.vkCreateComputePipelines(
        device, None, 1, [vk.VkComputePipelineCreateInfo(stage=stage, layout=layout)], None
    )


def statistics(spirv: bytes) -> dict[str, int]:
    """Compiles in a process of its own, whose standard error is the driver's."""
    environment = {**os.environ, "RADV_FORCE_FAMILY": GPU, "RADV_DEBUG": "shaderstats,nocache"}
    environment |= {"VK_ICD_FILENAMES": "/usr/share/vulkan/icd.d/radeon_icd.x86_64.json"}
    run = subprocess.run([sys.executable, __file__, "--compile"], input=spirv, env=environment, capture_output=True)
    text = run.stderr.decode()
    found = {name: int(n) for name, n in re.findall(r"^\s*([A-Za-z ]+?):\s*(\d+)", text, re.M)}
    missing = [name for name in STATISTICS if name not in found]
    if run.returncode or missing:
        sys.exit(f"no {missing} from the driver\n{text}")
    return found | {"device": run.stdout.decode().strip()}


def main() -> None:
    if sys.argv[1:] == ["--compile"]:
        vk, _instance, device, name = open_null_device()
        compile_for(vk, device, layout_of(vk, device), sys.stdin.buffer.read())
        print(name)
        return
    rows, device = [], ""
    with tempfile.TemporaryDirectory() as folder:
        for wgsl in sorted(Path(sys.argv[1]).glob("*.wgsl")):
            model, outputs, _ = wgsl.name.split(".")
            found = statistics(to_spirv(wgsl, Path(folder)))
            device = found["device"]
            numbers = [str(found[name]) for name in STATISTICS]
            rows.append("| " + " | ".join([f"`{model}`", outputs, *numbers]) + " |")
    columns = ["model", "outputs", *STATISTICS[:-2], "waves", STATISTICS[-1].lower()]
    table = ["| " + " | ".join(columns) + " |", "| --- " * len(columns) + "|", *rows]
    text = HEAD.format(gpu=GPU, driver=device) + "\n".join(table) + "\n"
    if len(sys.argv) > 2:
        Path(sys.argv[2]).write_text(text)
    else:
        print(text)


if __name__ == "__main__":
    main()
