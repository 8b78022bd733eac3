//! The control protocol: what a command line asks a host over its socket.
