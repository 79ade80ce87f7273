//! Owns the Rust types for the extension pgvector. Never computes with them.

use gino_core::codec::vector::{self, Sparse};

use super::sql;

/// A `vector` of single-precision numbers.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Vector(pub Vec<f32>);

/// A `halfvec`: numbers of half precision, in single precision here. Writing rounds to the nearest.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HalfVector(pub Vec<f32>);

/// A `sparsevec`: the numbers that are not 0.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SparseVector {
    /// How many numbers there are, the zeros included.
    pub dimensions: usize,
    /// Indices from 0, rising, and the numbers there.
    pub pairs: Vec<(usize, f32)>,
}

sql! {
    Vector: |ty| ty.name() == "vector";
    raw => Vector(vector::decode(raw)?.collect());
    value, out => vector::encode(value.0.iter().copied(), out)?;
}

sql! {
    HalfVector: |ty| ty.name() == "halfvec";
    raw => HalfVector(vector::decode_half(raw)?.collect());
    value, out => vector::encode_half(value.0.iter().copied(), out)?;
}

sql! {
    SparseVector: |ty| ty.name() == "sparsevec";
    raw => {
        let sparse = Sparse::decode(raw)?;
        SparseVector { dimensions: sparse.dimensions(), pairs: sparse.pairs().collect() }
    };
    value, out => Sparse::encode(value.dimensions, value.pairs.iter().copied(), out)?;
}
