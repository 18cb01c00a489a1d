"""What every Jupyter server of the hub is told."""

c = get_config()  # noqa: F821 - Jupyter provides it

# Servers share a machine, and kernels talk over its loopback, where anybody may listen to what a kernel puts
# out, and to what it is given to run. With keys, only the server of its owner can.
c.KernelManager.transport_encryption = "required"
c.MappingKernelManager.transport_encryption = "required"

# Extensions of JupyterLab come with the environment, and nobody installs others.
c.LabApp.extension_manager = "readonly"

# No login shell: it would forget the PATH with the course's programs.
c.ServerApp.terminado_settings = {"shell_command": ["/bin/bash"]}

# The hub ends a server by an interrupt, and nobody is there to be asked whether it means it.
c.ServerApp.answer_yes = True
