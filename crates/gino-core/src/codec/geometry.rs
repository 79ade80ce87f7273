//! Owns the geometric types (PostgreSQL manual, "Geometric Types"): `point line lseg box path polygon
//! circle`. Never computes with them, and keeps the corners of a box as they come.
//!
//! Layouts: `point_send`, `line_send`, `lseg_send`, `box_send`, `path_send`, `poly_send`, `circle_send`.

use bytes::{BufMut, BytesMut};

use super::Coded;
use super::reader::{Reader, put_count};

/// A point of the plane.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Point {
    /// Abscissa.
    pub x: f64,
    /// Ordinate.
    pub y: f64,
}

/// The infinite line `a x + b y + c = 0`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line {
    /// Factor of x.
    pub a: f64,
    /// Factor of y.
    pub b: f64,
    /// The constant.
    pub c: f64,
}

/// A circle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Circle {
    /// Its center.
    pub center: Point,
    /// Its radius, not below 0.
    pub radius: f64,
}

/// The points of a `path` or `polygon` on the wire.
#[derive(Debug, Clone, Copy)]
pub struct Points<'a>(&'a [[u8; 16]]);

impl Point {
    /// Reads `point`.
    ///
    /// # Errors
    /// If it is not 16 bytes.
    #[inline]
    pub fn decode(bytes: &[u8]) -> Coded<Point> {
        let mut reader = Reader(bytes);
        let point = read(&mut reader)?;
        reader.end()?;
        Ok(point)
    }

    /// Appends `point`.
    #[inline]
    pub fn encode(self, out: &mut BytesMut) {
        out.put_f64(self.x);
        out.put_f64(self.y);
    }
}

impl Line {
    /// Reads `line`.
    ///
    /// # Errors
    /// If it is not 24 bytes.
    pub fn decode(bytes: &[u8]) -> Coded<Line> {
        let mut reader = Reader(bytes);
        let line = Line {
            a: reader.f64()?,
            b: reader.f64()?,
            c: reader.f64()?,
        };
        reader.end()?;
        Ok(line)
    }

    /// Appends `line`.
    ///
    /// # Errors
    /// If both factors are 0: that is no line.
    pub fn encode(self, out: &mut BytesMut) -> Coded {
        if self.a == 0.0 && self.b == 0.0 {
            return Err("a line needs a factor of x or y that is not 0");
        }
        for number in [self.a, self.b, self.c] {
            out.put_f64(number);
        }
        Ok(())
    }
}

impl Circle {
    /// Reads `circle`.
    ///
    /// # Errors
    /// If it is not 24 bytes.
    pub fn decode(bytes: &[u8]) -> Coded<Circle> {
        let mut reader = Reader(bytes);
        let circle = Circle {
            center: read(&mut reader)?,
            radius: reader.f64()?,
        };
        reader.end()?;
        Ok(circle)
    }

    /// Appends `circle`.
    ///
    /// # Errors
    /// If the radius is below 0.
    pub fn encode(self, out: &mut BytesMut) -> Coded {
        if self.radius < 0.0 {
            return Err("the radius of a circle cannot be below 0");
        }
        self.center.encode(out);
        out.put_f64(self.radius);
        Ok(())
    }
}

/// Reads the two points of `lseg`, or of `box`: the upper right corner and the lower left one.
///
/// # Errors
/// If it is not 32 bytes.
pub fn decode_pair(bytes: &[u8]) -> Coded<[Point; 2]> {
    let mut reader = Reader(bytes);
    let pair = [read(&mut reader)?, read(&mut reader)?];
    reader.end()?;
    Ok(pair)
}

/// Appends `lseg` or `box`. The server sorts the corners of a box.
pub fn encode_pair(points: [Point; 2], out: &mut BytesMut) {
    for point in points {
        point.encode(out);
    }
}

/// Reads `path`: whether it is closed, and its points.
///
/// # Errors
/// If it claims another number of points than it has.
pub fn decode_path(bytes: &[u8]) -> Coded<(bool, Points<'_>)> {
    match bytes {
        [closed @ 0..=1, rest @ ..] => Ok((*closed == 1, decode_polygon(rest)?)),
        _ => Err("the path is neither open nor closed"),
    }
}

/// Appends `path`.
///
/// # Errors
/// If there are no points, or too many.
pub fn encode_path(
    is_closed: bool,
    points: impl ExactSizeIterator<Item = Point>,
    out: &mut BytesMut,
) -> Coded {
    out.put_u8(u8::from(is_closed));
    encode_polygon(points, out)
}

/// Reads `polygon`.
///
/// # Errors
/// If it claims another number of points than it has.
pub fn decode_polygon(bytes: &[u8]) -> Coded<Points<'_>> {
    let mut reader = Reader(bytes);
    let count = reader.count(16)?;
    match reader.0.as_chunks() {
        (points, []) if points.len() == count => Ok(Points(points)),
        _ => Err("the number of points is not what it claims"),
    }
}

/// Appends `polygon`.
///
/// # Errors
/// If there are no points, or too many.
pub fn encode_polygon(points: impl ExactSizeIterator<Item = Point>, out: &mut BytesMut) -> Coded {
    if points.len() == 0 {
        return Err("a path or polygon has at least one point");
    }
    put_count(points.len(), out)?;
    points.for_each(|point| point.encode(out));
    Ok(())
}

impl<'a> Points<'a> {
    /// The points in order; never more than a sixteenth of the bytes.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Point> + Clone + use<'a> {
        self.0.iter().map(|bytes| {
            let bits = u128::from_be_bytes(*bytes);
            let half = |bits: u128| u64::try_from(bits & u128::from(u64::MAX)).unwrap_or_default();
            Point {
                x: f64::from_bits(half(bits >> 64)),
                y: f64::from_bits(half(bits)),
            }
        })
    }
}

#[inline]
fn read(reader: &mut Reader<'_>) -> Coded<Point> {
    let (x, y) = (reader.f64()?, reader.f64()?);
    Ok(Point { x, y })
}

#[cfg(test)]
mod tests {
    use super::*;

    const POINTS: [Point; 3] = [
        Point { x: 1.5, y: -0.0 },
        Point {
            x: f64::INFINITY,
            y: f64::MIN_POSITIVE,
        },
        Point { x: -2.0, y: 3.0 },
    ];

    #[test]
    fn shapes_of_a_fixed_size_come_back() {
        let mut out = BytesMut::new();
        POINTS[0].encode(&mut out);
        assert_eq!(Point::decode(&out), Ok(POINTS[0]));
        encode_pair([POINTS[1], POINTS[2]], &mut out);
        assert_eq!(decode_pair(&out[16..]), Ok([POINTS[1], POINTS[2]]));
        let (line, circle) = (
            Line {
                a: 0.0,
                b: 2.0,
                c: 3.0,
            },
            Circle {
                center: POINTS[2],
                radius: 0.0,
            },
        );
        let mut out = BytesMut::new();
        line.encode(&mut out).unwrap();
        circle.encode(&mut out).unwrap();
        assert_eq!(Line::decode(&out[..24]), Ok(line));
        assert_eq!(Circle::decode(&out[24..]), Ok(circle));
        for end in [0, 15, 17, 23, 25, 31, 33] {
            let bytes = &[0; 48][..end];
            assert!(Point::decode(bytes).is_err() && Line::decode(bytes).is_err());
            assert!(decode_pair(bytes).is_err() && Circle::decode(bytes).is_err());
        }
    }

    #[test]
    fn paths_and_polygons_come_back() {
        for is_closed in [false, true] {
            let mut out = BytesMut::new();
            encode_path(is_closed, POINTS.into_iter(), &mut out).unwrap();
            let (closed, points) = decode_path(&out).unwrap();
            assert_eq!(closed, is_closed);
            assert!(points.iter().eq(POINTS));
            assert!(decode_polygon(&out[1..]).unwrap().iter().eq(POINTS));
        }
    }

    #[test]
    fn what_is_no_shape_is_refused() {
        let mut out = BytesMut::new();
        assert!(encode_path(true, [].into_iter(), &mut out).is_err());
        let line = Line {
            a: 0.0,
            b: 0.0,
            c: 1.0,
        };
        assert!(line.encode(&mut out).is_err());
        let circle = Circle {
            center: POINTS[0],
            radius: -1.0,
        };
        assert!(circle.encode(&mut out).is_err());
        for bytes in [
            &b""[..],
            b"\x02\0\0\0\0",
            b"\x01\0\0\0\x01",
            b"\x01\x7f\xff\xff\xff",
            b"\0\0\0\0\0\0",
        ] {
            assert!(decode_path(bytes).is_err(), "{bytes:?}");
        }
    }
}
