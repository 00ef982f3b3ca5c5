# Everything here is for other Cython modules; see the .pxd.
