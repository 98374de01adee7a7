//! The vectors of one field, unit length, in one block of memory.

use tantivy::schema::{Schema, Value as _};
use tantivy::{IndexReader, TantivyDocument};

use crate::error::Error;
use crate::index::document::from_bytes;
use crate::mapping::{Mapping, row_field, tantivy_field};

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
        let row = self
            .free
            .pop()
            .unwrap_or(u32::try_from(next).unwrap_or(u32::MAX));
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
        let vector = self
            .data
            .get(start..start + self.dimension)
            .unwrap_or_default();
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
    let length = vector
        .iter()
        .map(|x| f64::from(*x) * f64::from(*x))
        .sum::<f64>()
        .sqrt();
    let scale = if length > 0.0 { 1.0 / length } else { 1.0 };
    vector
        .iter()
        .map(|x| (f64::from(*x) * scale) as f32)
        .collect()
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0f32; LANES];
    let (a_blocks, b_blocks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f32 = a_blocks
        .remainder()
        .iter()
        .zip(b_blocks.remainder())
        .map(|(x, y)| x * y)
        .sum();
    for (x, y) in a_blocks.zip(b_blocks) {
        for lane in 0..LANES {
            sums[lane] += x[lane] * y[lane];
        }
    }
    sums.iter().sum::<f32>() + rest
}

/// Reads all vectors of an index back from its stored documents, each into the row that its document names.
pub(super) fn load(
    reader: &IndexReader,
    schema: &Schema,
    mapping: &Mapping,
) -> Result<Vec<Vectors>, Error> {
    let mut all = Vec::new();
    let searcher = reader.searcher();
    for (name, dimension) in mapping.vectors() {
        let field = tantivy_field(schema, name)?;
        let mut vectors = Vectors::new(dimension);
        let mut used = Vec::new();
        for segment in searcher.segment_readers() {
            let rows = segment.fast_fields().u64(&row_field(name))?;
            let store = segment.get_store_reader(1)?;
            let documents = store.iter::<TantivyDocument>(segment.alive_bitset());
            for (doc, document) in segment.doc_ids_alive().zip(documents) {
                let Some(row) = rows.first(doc).and_then(|row| u32::try_from(row).ok()) else {
                    continue;
                };
                let document = document?;
                let bytes = document.get_first(field).and_then(|value| value.as_bytes());
                vectors.put(row, &from_bytes(bytes.unwrap_or_default(), dimension));
                used.push(row);
            }
        }
        used.sort_unstable();
        let rows = u32::try_from(vectors.data.len() / dimension).unwrap_or(u32::MAX);
        vectors.free = (0..rows)
            .filter(|row| used.binary_search(row).is_err())
            .collect();
        all.push(vectors);
    }
    Ok(all)
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
