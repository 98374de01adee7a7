//! The vectors of one field, unit length, in one block of memory.

use tantivy::columnar::{BytesColumn, Column};
use tantivy::{DocId, Searcher, SegmentReader};

use crate::error::Error;
use crate::mapping::{Mapping, row_field};

/// Numbers summed side by side, so that the compiler can use the processor's vector instructions.
const LANES: usize = 16;

/// Rows of `dimension` numbers each.
pub(crate) struct Vectors {
    pub(crate) dimension: usize,
    data: Vec<f32>,
    free: Vec<u32>,
}

impl Vectors {
    fn new(dimension: usize) -> Vectors {
        Vectors {
            dimension,
            data: Vec::new(),
            free: Vec::new(),
        }
    }

    /// Keeps a vector and says in which row.
    pub(crate) fn insert(&mut self, vector: &[f32]) -> u32 {
        let next = self.data.len() / self.dimension;
        let row = self.free.pop().unwrap_or(u32::try_from(next).unwrap_or(u32::MAX));
        self.put(row, vector);
        row
    }

    /// Gives a row back to be used again.
    pub(crate) fn release(&mut self, row: u32) {
        self.free.push(row);
    }

    /// Score of a row for a query of unit length as Lucene gives it for cosines: (1 + cos) / 2.
    pub(crate) fn score(&self, row: u32, query: &[f32]) -> f32 {
        let start = row as usize * self.dimension;
        let vector = self.data.get(start..start + self.dimension).unwrap_or_default();
        ((1.0 + dot(vector, query)) / 2.0).max(0.0)
    }

    fn put(&mut self, row: u32, vector: &[f32]) {
        let start = row as usize * self.dimension;
        let end = start + self.dimension;
        if end > self.data.len() {
            // A quarter of room to grow: doubling would leave half of a large index unused.
            self.data
                .reserve_exact((end - self.data.len()).max(self.data.len() / 4));
            self.data.resize(end, 0.0);
        }
        self.data[start..end].copy_from_slice(&unit(vector));
    }
}

/// `vector` at length 1; one of length 0 stays as it is.
pub(crate) fn unit(vector: &[f32]) -> Vec<f32> {
    let length = vector.iter().map(|x| f64::from(*x) * f64::from(*x)).sum::<f64>().sqrt();
    let scale = if length > 0.0 { 1.0 / length } else { 1.0 };
    vector.iter().map(|x| (f64::from(*x) * scale) as f32).collect()
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (a_blocks, a_rest) = a.as_chunks::<LANES>();
    let (b_blocks, b_rest) = b.as_chunks::<LANES>();
    let mut sums = [0.0f32; LANES];
    for (x, y) in a_blocks.iter().zip(b_blocks) {
        for lane in 0..LANES {
            sums[lane] += x[lane] * y[lane];
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(x, y)| x * y).sum();
    sums.iter().sum::<f32>() + rest
}

/// Reads all vectors of an index back, each into the row that its document names.
pub(super) fn load(searcher: &Searcher, mapping: &Mapping) -> Result<Vec<Vectors>, Error> {
    let mut all = Vec::new();
    for (name, dimension) in mapping.vectors() {
        let mut vectors = Vectors::new(dimension);
        let mut used = Vec::new();
        for segment in searcher.segment_readers() {
            let columns = Columns::open(segment, name)?;
            for doc in segment.doc_ids_alive() {
                if let Some((row, vector)) = columns.row(doc).zip(columns.vector(doc)?) {
                    vectors.put(row, &vector);
                    used.push(row);
                }
            }
        }
        used.sort_unstable();
        let rows = u32::try_from(vectors.data.len() / dimension).unwrap_or(u32::MAX);
        vectors.free = (0..rows).filter(|row| used.binary_search(row).is_err()).collect();
        all.push(vectors);
    }
    Ok(all)
}

/// One field's vectors on disk, segment by segment: the vector as it was given and its row in memory.
/// They lie in columns of their own: a vector beside the source would be decoded with every hit.
pub(super) struct Columns {
    rows: Column<u64>,
    bytes: Option<BytesColumn>,
}

impl Columns {
    pub(super) fn open(segment: &SegmentReader, name: &str) -> Result<Columns, Error> {
        let fast = segment.fast_fields();
        Ok(Columns {
            rows: fast.u64(&row_field(name))?,
            bytes: fast.bytes(name)?,
        })
    }

    /// Where the document's vector stands in memory.
    pub(super) fn row(&self, doc: DocId) -> Option<u32> {
        self.rows.first(doc).and_then(|row| u32::try_from(row).ok())
    }

    /// The document's vector.
    pub(super) fn vector(&self, doc: DocId) -> Result<Option<Vec<f32>>, Error> {
        let Some(column) = &self.bytes else { return Ok(None) };
        let Some(ord) = column.term_ords(doc).next() else {
            return Ok(None);
        };
        let mut bytes = Vec::new();
        column.ord_to_bytes(ord, &mut bytes)?;
        let (numbers, _) = bytes.as_chunks::<4>();
        Ok(Some(numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()))
    }
}

/// The bytes of a vector in its column.
pub(super) fn to_bytes(vector: &[f32]) -> Vec<u8> {
    vector.iter().flat_map(|x| x.to_le_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::{Vectors, dot, unit};

    #[test]
    fn scores_are_lucenes_cosine_scores() {
        let mut vectors = Vectors::new(20);
        let vector: Vec<f32> = (0..20).map(|n| n as f32).collect();
        let opposite: Vec<f32> = vector.iter().map(|x| -x).collect();
        let row = vectors.insert(&vector);
        let other = vectors.insert(&opposite);
        let query = unit(&vector);
        assert!((dot(&query, &query) - 1.0).abs() < 1e-6);
        assert!((vectors.score(row, &query) - 1.0).abs() < 1e-6);
        assert!(vectors.score(other, &query) < 1e-6);
    }

    #[test]
    fn a_released_row_is_used_again() {
        let mut vectors = Vectors::new(2);
        let row = vectors.insert(&[1.0, 0.0]);
        vectors.insert(&[0.0, 1.0]);
        vectors.release(row);
        assert_eq!(vectors.insert(&[3.0, 4.0]), row);
        assert_eq!(vectors.data.len(), 4);
    }
}
