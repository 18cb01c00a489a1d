"""What every Jupyter server of the hub is told."""

c = get_config()  # noqa: F821 - Jupyter provides it

# Servers share a machine, and kernels talk over its loopback, where anybody may listen to what a kernel puts
# out, and to what it is given to run. With keys, only the server of its owner can.
c.KernelManager.transport_encryption = "required"
c.MappingKernelManager.transport_encryption = "required"

# Extensions of JupyterLab come with the environment, and nobody installs others.
c.LabApp.extension_manager = "readonly"
