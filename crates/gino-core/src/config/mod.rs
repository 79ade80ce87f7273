//! Owns where and how to connect: URL, keywords and environment become one [`Endpoint`] list and its settings.
//! Never reads the environment itself. Faces build it, `pool`, `pg` and `engine` read it.

mod endpoint;

pub use endpoint::Endpoint;
