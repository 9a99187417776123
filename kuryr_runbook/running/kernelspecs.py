"""The one kernel that we use: the Python that runs us, whatever the machine has registered."""

from __future__ import annotations

from ipykernel.kernelspec import RESOURCES, get_kernel_dict
from jupyter_client.kernelspec import NATIVE_KERNEL_NAME, KernelSpec, KernelSpecManager


class ThisInterpreter(KernelSpecManager):
    """Knows one kernel."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """The same for every name."""
        return KernelSpec(resource_dir=RESOURCES, **get_kernel_dict())

    def find_kernel_specs(self) -> dict[str, str]:
        """What JupyterLab offers."""
        return {NATIVE_KERNEL_NAME: RESOURCES}
