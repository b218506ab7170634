"""What pyproject.toml cannot say: the C core, and the tag of a wheel that every Python from 3.10 on can load."""

import sysconfig

from setuptools import setup

limited = not sysconfig.get_config_var("Py_GIL_DISABLED")

setup(
    cffi_modules=["csrc/build.py:ffibuilder"],
    options={"bdist_wheel": {"py_limited_api": "cp310"}} if limited else {},
)
