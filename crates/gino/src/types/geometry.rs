//! Owns the Rust types for the geometric types that are made of points. Never computes with them.

use gino_core::codec::{Point, geometry};
use postgres_types::Type;

use super::sql;

/// An `lseg`: the straight line between two points.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Lseg {
    /// Where it begins.
    pub from: Point,
    /// Where it ends.
    pub to: Point,
}

/// A `box`: a rectangle by two corners. The server makes them the upper right and the lower left one.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Rect {
    /// The upper right corner.
    pub high: Point,
    /// The lower left corner.
    pub low: Point,
}

/// A `path` of at least one point.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Path {
    /// Whether its last point leads back to its first.
    pub is_closed: bool,
    /// Its points in order.
    pub points: Vec<Point>,
}

/// A `polygon` of at least one point.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Polygon {
    /// Its points in order.
    pub points: Vec<Point>,
}

sql! {
    Lseg: |ty| *ty == Type::LSEG;
    raw => {
        let [from, to] = geometry::decode_pair(raw)?;
        Lseg { from, to }
    };
    value, out => geometry::encode_pair([value.from, value.to], out);
}

sql! {
    Rect: |ty| *ty == Type::BOX;
    raw => {
        let [high, low] = geometry::decode_pair(raw)?;
        Rect { high, low }
    };
    value, out => geometry::encode_pair([value.high, value.low], out);
}

sql! {
    Path: |ty| *ty == Type::PATH;
    raw => {
        let (is_closed, points) = geometry::decode_path(raw)?;
        Path { is_closed, points: points.iter().collect() }
    };
    value, out => geometry::encode_path(value.is_closed, value.points.iter().copied(), out)?;
}

sql! {
    Polygon: |ty| *ty == Type::POLYGON;
    raw => Polygon { points: geometry::decode_polygon(raw)?.iter().collect() };
    value, out => geometry::encode_polygon(value.points.iter().copied(), out)?;
}
