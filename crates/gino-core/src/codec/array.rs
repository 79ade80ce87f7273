//! Owns the frame of arrays: dimensions, and elements with a length each. Never decodes an element.
//! What a header claims is never allocated: it must fit into the bytes that are there.

use bytes::{BufMut, BytesMut};

use super::{Coded, Kind, Oid, Reason};

/// The most dimensions an array can have (PostgreSQL's `MAXDIM`).
pub const MAX_DIMENSIONS: usize = 6;

/// One dimension of an array.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Dimension {
    /// How many elements it has.
    pub length: usize,
    /// The index of the first; 1 unless someone asked for another.
    pub lower: i32,
}

/// An array on the wire.
#[derive(Debug, Clone, Copy)]
pub struct Array<'a> {
    element: Oid,
    has_nulls: bool,
    dimensions: [Dimension; MAX_DIMENSIONS],
    depth: usize,
    len: usize,
    elements: &'a [u8],
}

impl<'a> Array<'a> {
    /// Reads an array.
    ///
    /// # Errors
    /// If the header is wrong, claims more elements than there are bytes for, or names an element
    /// type that is not decoded; another array is none.
    #[inline]
    pub fn decode(bytes: &'a [u8]) -> Coded<Array<'a>> {
        let array = Array::frame(bytes)?;
        if matches!(Kind::of(array.element), Kind::Array | Kind::Other) {
            return Err("the elements of the array are of a type that is not decoded");
        }
        Ok(array)
    }

    /// Reads an array whose elements may be of any type: the caller knows which.
    ///
    /// # Errors
    /// If the header is wrong or claims more elements than there are bytes for.
    #[inline]
    pub fn frame(bytes: &'a [u8]) -> Coded<Array<'a>> {
        let (depth, rest) = split_u32(bytes)?;
        let (flags, rest) = split_u32(rest)?;
        let (element, mut rest) = split_u32(rest)?;
        let depth = usize::try_from(depth).map_err(|_| BAD_HEADER)?;
        let mut dimensions = [Dimension::default(); MAX_DIMENSIONS];
        let mut len = usize::from(depth > 0);
        for dimension in dimensions.get_mut(..depth).ok_or(BAD_HEADER)? {
            let (length, after) = split_u32(rest)?;
            let (lower, after) = after.split_first_chunk().ok_or(BAD_HEADER)?;
            rest = after;
            dimension.length = usize::try_from(length).map_err(|_| BAD_HEADER)?;
            dimension.lower = i32::from_be_bytes(*lower);
            len = len.checked_mul(dimension.length).ok_or(BAD_HEADER)?;
        }
        if len > rest.len() / 4 {
            return Err("the array claims more elements than it has");
        }
        Ok(Array {
            element,
            has_nulls: flags & 1 != 0,
            dimensions,
            depth,
            len,
            elements: rest,
        })
    }

    /// The type of the elements.
    pub fn element(&self) -> Oid {
        self.element
    }

    /// Whether elements may be NULL.
    pub fn has_nulls(&self) -> bool {
        self.has_nulls
    }

    /// The dimensions, the outermost first; none if the array is empty.
    pub fn dimensions(&self) -> &[Dimension] {
        self.dimensions.get(..self.depth).unwrap_or_default()
    }

    /// How many elements there are in all dimensions; never more than a quarter of its bytes.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The elements, the last dimension running fastest.
    pub fn elements(&self) -> Elements<'a> {
        Elements {
            left: self.len,
            rest: self.elements,
        }
    }
}

/// Iterator over the elements of an [`Array`]; `None` is NULL. It ends after an error.
#[derive(Debug, Clone)]
pub struct Elements<'a> {
    left: usize,
    rest: &'a [u8],
}

impl<'a> Iterator for Elements<'a> {
    type Item = Coded<Option<&'a [u8]>>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return match std::mem::take(&mut self.rest) {
                [] => None,
                _ => Some(Err("there are bytes after the last element of the array")),
            };
        }
        self.left -= 1;
        let Ok((length, rest)) = split_u32(self.rest) else {
            return self.fail();
        };
        if length == u32::MAX {
            self.rest = rest;
            return Some(Ok(None));
        }
        match usize::try_from(length)
            .ok()
            .and_then(|length| rest.split_at_checked(length))
        {
            Some((element, rest)) => {
                self.rest = rest;
                Some(Ok(Some(element)))
            }
            None => self.fail(),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, self.left.checked_add(1))
    }
}

impl Elements<'_> {
    #[cold]
    fn fail<T>(&mut self) -> Option<Coded<T>> {
        *self = Elements { left: 0, rest: &[] };
        Some(Err(
            "an element of the array has a length that does not fit",
        ))
    }
}

/// Appends an array: begin it with its dimensions, give its elements, finish it.
///
/// After an error the output holds a part of the array; whoever owns the output drops it.
#[derive(Debug)]
pub struct ArrayWriter<'b> {
    out: &'b mut BytesMut,
    flags_at: usize,
    element_at: usize,
    left: usize,
}

impl<'b> ArrayWriter<'b> {
    /// Begins an array of `element`s with the given lengths, the outermost first. A length of 0
    /// makes it the empty array. Lower bounds are 1.
    ///
    /// # Errors
    /// If there are too many dimensions or elements.
    pub fn begin(element: Oid, lengths: &[usize], out: &'b mut BytesMut) -> Coded<ArrayWriter<'b>> {
        let mut dimensions = [Dimension::default(); MAX_DIMENSIONS];
        let dimensions = dimensions.get_mut(..lengths.len()).ok_or(TOO_DEEP)?;
        for (dimension, length) in dimensions.iter_mut().zip(lengths) {
            *dimension = Dimension {
                length: *length,
                lower: 1,
            };
        }
        ArrayWriter::begin_at(element, dimensions, out)
    }

    /// Begins an array of `element`s with the given lengths and lower bounds, the outermost first.
    ///
    /// # Errors
    /// If there are too many dimensions or elements.
    pub fn begin_at(
        element: Oid,
        dimensions: &[Dimension],
        out: &'b mut BytesMut,
    ) -> Coded<ArrayWriter<'b>> {
        let is_empty = dimensions.iter().any(|dimension| dimension.length == 0);
        ArrayWriter::start(element, if is_empty { &[] } else { dimensions }, out)
    }

    /// Begins an `int2vector` or `oidvector`: one dimension from 0, which may be empty.
    ///
    /// # Errors
    /// If there are too many elements.
    pub fn begin_vector(
        element: Oid,
        length: usize,
        out: &'b mut BytesMut,
    ) -> Coded<ArrayWriter<'b>> {
        ArrayWriter::start(element, &[Dimension { length, lower: 0 }], out)
    }

    fn start(
        element: Oid,
        dimensions: &[Dimension],
        out: &'b mut BytesMut,
    ) -> Coded<ArrayWriter<'b>> {
        if dimensions.len() > MAX_DIMENSIONS {
            return Err(TOO_DEEP);
        }
        let mut left = usize::from(!dimensions.is_empty());
        out.reserve(12 + 8 * dimensions.len());
        out.put_u32(u32::try_from(dimensions.len()).map_err(|_| TOO_MANY)?);
        let flags_at = out.len();
        out.put_u32(0);
        out.put_u32(element);
        for dimension in dimensions {
            left = left.checked_mul(dimension.length).ok_or(TOO_MANY)?;
            out.put_i32(i32::try_from(dimension.length).map_err(|_| TOO_MANY)?);
            out.put_i32(dimension.lower);
        }
        Ok(ArrayWriter {
            out,
            flags_at,
            element_at: 0,
            left,
        })
    }

    /// Gives the next element as `write` appends it.
    ///
    /// # Errors
    /// What `write` returns, or a reason if the element is one too many or too long.
    #[inline]
    pub fn element(&mut self, write: impl FnOnce(&mut BytesMut) -> Coded) -> Coded {
        write(self.start_element()?)?;
        self.end_element()
    }

    /// Begins the next element, for a caller with errors of its own: it appends to what this
    /// returns, then calls [`ArrayWriter::end_element`].
    ///
    /// # Errors
    /// If the element is one too many.
    #[inline]
    pub fn start_element(&mut self) -> Coded<&mut BytesMut> {
        self.left = self.left.checked_sub(1).ok_or(WRONG_COUNT)?;
        self.element_at = self.out.len();
        self.out.put_u32(0);
        Ok(self.out)
    }

    /// Ends the element that was begun.
    ///
    /// # Errors
    /// If it is too long.
    #[inline]
    pub fn end_element(&mut self) -> Coded {
        let start = self.element_at;
        let length = self.out.len().saturating_sub(start + 4);
        let length = i32::try_from(length).map_err(|_| "an element of the array is too long")?;
        if let Some(header) = self.out.get_mut(start..start + 4) {
            header.copy_from_slice(&length.to_be_bytes());
        }
        Ok(())
    }

    /// Gives NULL as the next element.
    ///
    /// # Errors
    /// If it is one too many.
    #[inline]
    pub fn null(&mut self) -> Coded {
        self.left = self.left.checked_sub(1).ok_or(WRONG_COUNT)?;
        self.out.put_i32(-1);
        if let Some(flags) = self.out.get_mut(self.flags_at..self.flags_at + 4) {
            flags.copy_from_slice(&1_u32.to_be_bytes());
        }
        Ok(())
    }

    /// Ends the array.
    ///
    /// # Errors
    /// If elements are missing.
    pub fn finish(self) -> Coded {
        if self.left == 0 {
            Ok(())
        } else {
            Err(WRONG_COUNT)
        }
    }
}

#[inline]
fn split_u32(bytes: &[u8]) -> Coded<(u32, &[u8])> {
    match bytes.split_first_chunk() {
        Some((number, rest)) => Ok((u32::from_be_bytes(*number), rest)),
        None => Err(BAD_HEADER),
    }
}

const BAD_HEADER: Reason = "the header of the array is wrong";
const TOO_DEEP: Reason = "an array has at most 6 dimensions";
const TOO_MANY: Reason = "the array has too many elements";
const WRONG_COUNT: Reason = "the inner lists of an array must all have the same length";

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix(out: &mut BytesMut) -> ArrayWriter<'_> {
        ArrayWriter::begin(23, &[2, 2], out).unwrap()
    }

    #[test]
    fn nested_elements_come_back_in_order_with_nulls() {
        let mut out = BytesMut::new();
        let mut writer = matrix(&mut out);
        for number in 1_i32..=3 {
            writer.start_element().unwrap().put_i32(number);
            writer.end_element().unwrap();
        }
        writer.null().unwrap();
        writer.finish().unwrap();
        let array = Array::decode(&out).unwrap();
        assert_eq!(
            array.dimensions(),
            [Dimension {
                length: 2,
                lower: 1
            }; 2]
        );
        assert!(array.has_nulls());
        assert_eq!(array.len(), 4);
        let elements: Vec<_> = array.elements().map(Result::unwrap).collect();
        assert_eq!(elements[2], Some(&[0, 0, 0, 3][..]));
        assert_eq!(elements[3], None);
    }

    #[test]
    fn a_wrong_number_of_elements_is_refused() {
        let mut out = BytesMut::new();
        let mut writer = matrix(&mut out);
        for _ in 0..4 {
            writer.null().unwrap();
        }
        assert_eq!(writer.null(), Err(WRONG_COUNT));
        let mut out = BytesMut::new();
        assert_eq!(matrix(&mut out).finish(), Err(WRONG_COUNT));
        assert!(ArrayWriter::begin(23, &[1; 7], &mut out).is_err());
        assert!(ArrayWriter::begin(23, &[usize::MAX; 2], &mut out).is_err());
    }

    #[test]
    fn a_claimed_size_is_not_believed() {
        let header = |depth: u32, element: u32, lengths: &[u32]| {
            let mut out = BytesMut::new();
            for number in [depth, 0, element] {
                out.put_u32(number);
            }
            for length in lengths {
                out.put_u32(*length);
                out.put_u32(1);
            }
            out
        };
        assert!(Array::decode(&header(1, 23, &[0])).is_ok());
        for bytes in [
            header(1, 23, &[u32::MAX]),
            header(6, 23, &[u32::MAX; 6]),
            header(7, 23, &[1; 7]),
            header(u32::MAX, 23, &[]),
            header(2, 23, &[1]),
            header(1, 1007, &[0]),
            header(1, 3614, &[0]),
        ] {
            assert!(Array::decode(&bytes).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn iteration_ends_after_the_first_error() {
        let mut out = BytesMut::new();
        let mut writer = matrix(&mut out);
        for _ in 0..4 {
            writer.null().unwrap();
        }
        writer.finish().unwrap();
        let count = |bytes: &[u8]| {
            let all: Vec<_> = Array::decode(bytes).unwrap().elements().collect();
            (
                all.len(),
                all.iter().filter(|element| element.is_err()).count(),
            )
        };
        assert_eq!(count(&out), (4, 0));
        out.put_u8(0);
        assert_eq!(count(&out), (5, 1));
        let at = 12 + 16;
        out[at..at + 4].copy_from_slice(&1000_u32.to_be_bytes());
        assert_eq!(count(&out), (1, 1));
    }
}
