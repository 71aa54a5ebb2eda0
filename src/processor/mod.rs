//! Processors of the binary.
