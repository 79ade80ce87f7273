//! What is done with bytes that nobody can be trusted with: a server's stream, values, texts that
//! become values, connection strings. Each module's `run` panics if it finds a defect; `cargo fuzz`
//! and the test of the corpus call it. Never used by the product.

pub mod codec;
pub mod conninfo;
pub mod stream;
pub mod text;
