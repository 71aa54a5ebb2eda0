//! Job store.
